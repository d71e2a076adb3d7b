import HoldfastIO
import HoldfastTestSupport
import Synchronization

/// A bad network in user space: takes connections and passes their bytes on to the gateway and back, as its policy says.
///
/// Confined to its loop's thread once that runs, hence `@unchecked Sendable`.
final class Relay: EventLoopDelegate, @unchecked Sendable {
    private let loop: EventLoop
    private let upstream: SocketAddress
    private var policy: RelayPolicy
    private var random: SeededRandom
    private var ends: [ConnectionID: End] = [:]
    private var thread: ThreadHandle?
    private let mailbox = Mutex<[@Sendable (Relay) -> Void]>([])
    /// Ends that a byte more has to be written to.
    private var bytewise: [ConnectionID] = []
    /// What it did.
    private var counts = Counts()
    private static let queuedBytesMax = 256 << 10

    /// What a relay did.
    struct Counts: Sendable {
        var connections = 0
        var cuts = 0
        var bytes = 0
        var writes = 0
    }

    /// One connection of two that belong together.
    private final class End {
        let id: ConnectionID
        var other: ConnectionID?
        var isUp = false
        /// What is to be written to this end.
        var queue: [(bytes: [UInt8], due: UInt64, cuts: Bool)] = []
        var head = 0
        var queuedBytes = 0
        var direction = RelayPolicy.Direction()
        /// The other end isn't read, because too much waits here.
        var holdsOther = false
        /// Has had its byte of this iteration.
        var isListed = false
        /// No more comes from the other end.
        var endsAfterQueue = false

        init(_ id: ConnectionID) { self.id = id }
    }

    init(to upstream: SocketAddress, policy: RelayPolicy, seed: UInt64) throws {
        var configuration = EventLoopConfiguration()
        configuration.name = "relay"
        configuration.unsentBytesMax = 16 << 20
        configuration.stallTimeoutMilliseconds = 600_000
        loop = try EventLoop(configuration)
        self.upstream = upstream
        self.policy = policy
        random = SeededRandom(seed: seed)
        loop.delegate = self
    }

    /// Starts it in a namespace.
    /// - Returns: where it listens.
    func start(in namespace: NetworkNamespace, host: String) async throws -> SocketAddress {
        thread = try loop.start()
        return try await perform { relay in
            try namespace.enter()
            return try relay.loop.listen(ListenerConfiguration(address: try SocketAddress(parsing: host + ":0")))
        }
    }

    /// Another policy from now on; what waits is due as it was.
    func follow(_ policy: RelayPolicy) async throws { try await perform { $0.policy = policy } }

    /// What it did so far.
    func report() async throws -> Counts { try await perform { $0.counts } }

    func stop() {
        loop.stop()
        thread?.join()
    }

    private func perform<Result: Sendable>(_ body: @escaping @Sendable (Relay) throws -> Result) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            mailbox.withLock { mailbox in
                mailbox.append { relay in continuation.resume(with: Swift.Result { try body(relay) }) }
            }
            loop.wake()
        }
    }

    // MARK: - EventLoopDelegate

    func opened(_ id: ConnectionID, _ info: ConnectionInfo) {
        if info.isOutgoing {
            guard let end = ends[id] else { return loop.close(id, flush: false, reset: true) }
            end.isUp = true
            return write(end)
        }
        counts.connections += 1
        let end = End(id)
        end.isUp = true
        guard let other = try? loop.connect(to: upstream) else { return loop.close(id, flush: false, reset: true) }
        end.other = other
        let partner = End(other)
        partner.other = id
        (ends[id], ends[other]) = (end, partner)
    }

    func connectFailed(_ id: ConnectionID, _ info: ConnectionInfo, _ error: ConnectError) { closed(id, .reset) }

    func received(_ id: ConnectionID, _ bytes: Span<UInt8>) -> Int {
        guard let end = ends[id], let other = end.other, let target = ends[other] else { return bytes.count }
        for piece in policy.pieces(of: bytes.count, now: loop.now, &target.direction, &random) {
            target.queue.append((piece.range.map { bytes[$0] }, piece.due, piece.cuts))
            target.queuedBytes += piece.range.count
        }
        if target.queuedBytes > Self.queuedBytesMax, !target.holdsOther {
            target.holdsOther = true
            loop.pauseReading(id)
        }
        write(target)
        return bytes.count
    }

    func closed(_ id: ConnectionID, _ reason: DisconnectReason) {
        guard let end = ends.removeValue(forKey: id), let other = end.other, let target = ends[other] else { return }
        target.other = nil
        guard reason == .peerClosed else { return loop.close(other, flush: false, reset: true) }
        target.endsAfterQueue = true
        write(target)
    }

    func deadlineReached(_ id: ConnectionID) {
        if let end = ends[id] { write(end) }
    }

    func woken() {
        let work = mailbox.withLock { mailbox in
            let work = mailbox
            mailbox.removeAll()
            return work
        }
        for item in work { item(self) }
        let due = bytewise
        bytewise.removeAll(keepingCapacity: true)
        for id in due {
            guard let end = ends[id] else { continue }
            end.isListed = false
            write(end)
        }
    }

    func ticked(_ now: UInt64) {}
    func iterationEnded() {}

    /// Writes what is due, and comes back for the rest.
    private func write(_ end: End) {
        guard end.isUp, !end.isListed else { return }
        while end.head < end.queue.count {
            let (bytes, due, cuts) = end.queue[end.head]
            guard due <= loop.now else {
                loop.setDeadline(end.id, afterMilliseconds: UInt32(min(due - loop.now, 10_000)))
                break
            }
            if policy.isBytewise && bytes.count > 1 {
                // The loop writes once in an iteration: a byte in each.
                send(end, Array(bytes[..<1]))
                end.queue[end.head].bytes.removeFirst()
                return waitForNextIteration(end)
            }
            send(end, bytes)
            end.queue[end.head].bytes = []
            end.head += 1
            if cuts { return cut(end) }
            if policy.isBytewise && end.head < end.queue.count { return waitForNextIteration(end) }
        }
        if end.head == end.queue.count {
            end.queue.removeAll(keepingCapacity: true)
            end.head = 0
            if end.endsAfterQueue { return loop.close(end.id, flush: true) }
        }
        if end.holdsOther, end.queuedBytes < Self.queuedBytesMax / 2, let other = end.other {
            end.holdsOther = false
            loop.resumeReading(other)
        }
    }

    private func waitForNextIteration(_ end: End) {
        end.isListed = true
        bytewise.append(end.id)
        loop.wake()
    }

    private func send(_ end: End, _ bytes: [UInt8]) {
        loop.send(end.id, bytes.span)
        end.queuedBytes -= bytes.count
        counts.bytes += bytes.count
        counts.writes += 1
    }

    private func cut(_ end: End) {
        counts.cuts += 1
        // What was just written goes out; what comes after it never does.
        loop.close(end.id, flush: true)
        if let other = end.other { loop.close(other, flush: false, reset: true) }
    }
}
