internal import HoldfastConnection
internal import HoldfastCore
internal import HoldfastIO
internal import Synchronization

/// Verifies tokens away from the event loops and the core; how many wait is bounded.
final class TokenChecks: Sendable {
    struct Job: Sendable {
        var token: [UInt8]
        var connection: ConnectionID
        var mailbox: LoopMailbox
    }

    private let waitingMax: Int
    private let waiting = Atomic<Int>(0)
    private let verifier: TokenVerifier
    private let load: GatewayLoad
    private let workers = Mutex<WorkerPool<Job>?>(nil)
    /// For metrics. A lock for each check, which takes a hundred times as long.
    private let counted = Mutex(TokenFigures())

    /// - Parameter load: knows the time.
    init(_ verifier: TokenVerifier, load: GatewayLoad, threads: Int, waitingMax: Int) throws(IOError) {
        self.verifier = verifier
        self.load = load
        self.waitingMax = waitingMax
        let pool = try WorkerPool<Job>(name: "tokens", count: threads) { [unowned self] job in check(job) }
        workers.withLock { $0 = pool }
    }

    /// Has `token` verified; the answer comes to the loop's mailbox. False when too many wait already.
    func begin(_ token: [UInt8], _ connection: ConnectionID, _ mailbox: LoopMailbox) -> Bool {
        guard waiting.add(1, ordering: .relaxed).newValue <= waitingMax else {
            waiting.subtract(1, ordering: .relaxed)
            counted.withLock { $0.overloaded &+= 1 }
            return false
        }
        workers.withLock { $0?.post(Job(token: token, connection: connection, mailbox: mailbox)) }
        return true
    }

    /// Ends the threads.
    func stop() {
        let pool = workers.withLock { workers in
            let pool = workers
            workers = nil
            return pool
        }
        pool?.stop()
    }

    private func check(_ job: Job) {
        let start = SystemClock.monotonicMicroseconds()
        let result: Result<VerifiedToken, TokenError>
        do throws(TokenError) {
            let now = load.wallSeconds(atMonotonic: SystemClock.monotonicMilliseconds())
            result = .success(try verifier.verify(job.token, now: now))
        } catch {
            result = .failure(error)
        }
        note(result, microseconds: SystemClock.monotonicMicroseconds() - start)
        waiting.subtract(1, ordering: .relaxed)
        job.mailbox.post(.tokenChecked(job.connection, result))
    }

    private func note(_ result: Result<VerifiedToken, TokenError>, microseconds: UInt64) {
        counted.withLock { counted in
            counted.checks.observe(microseconds)
            switch result {
            case .success: counted.good &+= 1
            case .failure(let error): counted.refused.count(error.closeCode)
            }
        }
    }

    /// For metrics.
    var figures: TokenFigures {
        var figures = counted.withLock { $0 }
        figures.waiting = waiting.load(ordering: .relaxed)
        return figures
    }
}
