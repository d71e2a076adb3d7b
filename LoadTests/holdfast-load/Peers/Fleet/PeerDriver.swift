import HoldfastIO
import Synchronization

/// A scenario's hold on a `PeerFleet`: the scenario is a plain sequence of steps, the fleet lives on its loop's thread.
final class PeerDriver: Sendable {
    private let fleet: PeerFleet
    private let thread: ThreadHandle
    private let progress: ProgressLine
    /// What the progress line begins with.
    private let title: String

    /// Starts a fleet without phones.
    /// - Parameters:
    ///   - connections: as many as will be open at once.
    ///   - life: that of the server: the run fails when it ends; nil: it may end.
    init(_ target: PeerTarget, connections: Int, life: PeerLife? = nil, title: String, progress: ProgressLine) throws {
        try Limits.check(connections: connections, sources: max(1, target.sources.count))
        self.title = title
        self.progress = progress
        fleet = try PeerFleet(target: target)
        fleet.life = life
        thread = try fleet.loop.start()
    }

    /// Does something with the fleet, on its thread.
    func perform<Result: Sendable>(_ body: @escaping @Sendable (PeerFleet) throws -> Result) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            enqueue { fleet in
                if let failure = fleet.failure {
                    continuation.resume(throwing: failure)
                } else {
                    continuation.resume(with: Swift.Result { try body(fleet) })
                }
            }
        }
    }

    /// Waits until a count reaches a goal. Throws if it stays the same for too long, the time is up, or the run fails.
    func reach(
        _ goal: Int, _ what: String, stallSeconds: UInt64 = 60, secondsMax: UInt64 = 600,
        _ count: @escaping @Sendable (PeerFleet) -> Int
    ) async throws {
        let (progress, title) = (progress, title)
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            enqueue { fleet in
                fleet.waits.append(
                    FleetWait(
                        what: what, goal: goal,
                        count: { fleet in
                            let count = count(fleet)
                            progress.show("\(title): \(what) \(count) of \(goal)")
                            return count
                        }, stallMilliseconds: stallSeconds * 1000, deadline: fleet.loop.now + secondsMax * 1000,
                        continuation: continuation, lastChange: fleet.loop.now))
            }
        }
    }

    /// Lets time pass.
    func wait(seconds: Double, _ what: String) async throws {
        progress.show("\(title): \(what)")
        try await Task.sleep(for: .seconds(seconds))
        try await perform { _ in }
    }

    /// Adds phones of these users, switched off.
    func add(_ clients: any PeerClients, _ range: Range<Int>, _ role: PeerRole) async throws {
        try await perform { fleet in
            for index in range { fleet.add(clients.machine(index, role)) }
        }
    }

    /// Connects phones and waits until they are ready.
    func connect(_ range: Range<Int>, inFlightMax: Int = 64, secondsMax: UInt64 = 600) async throws {
        let before = try await perform { fleet in
            let before = fleet.counters.ready
            fleet.connect(range, inFlightMax: inFlightMax)
            return before
        }
        try await reach(before + range.count, "connected", secondsMax: secondsMax) { $0.counters.ready }
    }

    /// Connects phones, each for as long as it takes to be ready, and waits for the last.
    func visit(_ range: Range<Int>, inFlightMax: Int = 64) async throws {
        let before = try await perform { fleet in
            let before = fleet.counters.begun + fleet.counters.resumed
            fleet.connect(range, inFlightMax: inFlightMax, visits: true)
            return before
        }
        try await reach(before + range.count, "prepared", secondsMax: 1_800) { $0.counters.begun + $0.counters.resumed }
    }

    /// Ends the loop, and with it all connections.
    func stop() {
        fleet.loop.stop()
        thread.join()
        progress.end()
    }

    private func enqueue(_ body: @escaping @Sendable (PeerFleet) -> Void) {
        fleet.mailbox.withLock { $0.append(body) }
        fleet.loop.wake()
    }
}
