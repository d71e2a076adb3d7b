import HoldfastIO
import Synchronization

/// A scenario's hold on a fleet: the scenario is a plain sequence of steps on its own thread, the fleet lives on the loop's.
final class FleetDriver: Sendable {
    private let fleet: Fleet
    private let thread: ThreadHandle
    private static let step = Duration.milliseconds(200)
    private let pacer = Mutex<Pacer?>(nil)

    /// Starts a fleet without phones, with users and tokens for `capacity` of them.
    /// - Parameters:
    ///   - users: how many there will be in all; nil: as many as have tokens from the start.
    ///   - connections: how many there are at once; nil: as many as users.
    ///   - name: the users' names; nil: new ones.
    init(
        target: Target, capacity: Int, users: Int? = nil, connections: Int? = nil, name: (@Sendable (Int) -> String)? = nil
    ) async throws {
        try Limits.check(connections: connections ?? capacity, sources: max(1, target.sources.count))
        let tokens = try await TokenBook(count: capacity, users: users, origin: target.tokens, name: name)
        fleet = try Fleet(target: target, tokens: tokens)
        thread = try fleet.loop.start()
    }

    /// Does something with the fleet, on its thread.
    func perform<Result: Sendable>(_ body: @escaping @Sendable (Fleet) throws -> Result) async throws -> Result {
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

    /// Looks at the fleet, or does something with it, also after its run has failed.
    func inspect<Result: Sendable>(_ body: @escaping @Sendable (Fleet) -> Result) async -> Result {
        await withCheckedContinuation { continuation in enqueue { continuation.resume(returning: body($0)) } }
    }

    /// Waits until a count reaches a goal, and shows how far it is. Throws if it stays the same for too long, or the run fails.
    func reach(
        _ goal: Int, _ what: String, stallSeconds: UInt64 = 30, _ count: @escaping @Sendable (Fleet) -> Int
    ) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            enqueue { fleet in
                fleet.progress.text = { "\(what): \(count($0)) of \(goal)" }
                fleet.waits.append(
                    FleetWait(
                        what: what, goal: goal, count: count, stallMilliseconds: stallSeconds * 1000, continuation: continuation,
                        lastChange: fleet.loop.now))
            }
        }
    }

    /// Has schedules kept to the millisecond from now on, also while no packet comes.
    func startPacing() throws {
        try pacer.withLock { pacer in if pacer == nil { pacer = try Pacer(fleet.loop) } }
    }

    /// Lets time pass.
    func wait(seconds: Double, _ text: @escaping @Sendable (Fleet) -> String) async throws {
        let end = ContinuousClock.now + .seconds(seconds)
        try await perform { $0.progress.text = text }
        repeat {
            try await Task.sleep(for: min(Self.step, end - ContinuousClock.now))
            // A run that has failed doesn't wait any longer.
            try await perform { _ in }
        } while ContinuousClock.now < end
    }

    /// Connects phones and waits until they are connected.
    func connect(_ range: Range<Int>, inFlightMax: Int) async throws {
        let connected = try await perform { fleet in
            let connected = fleet.counters.connected
            fleet.connect(range, inFlightMax: inFlightMax)
            return connected
        }
        try await reach(connected + range.count, "connected") { $0.counters.connected }
    }

    /// Ends the run soon, with what it has found so far.
    func interrupt(_ reason: String) { enqueue { $0.fail(reason) } }

    /// Ends the loop, and with it all connections.
    func stop() {
        pacer.withLock { $0.take() }?.stop()
        fleet.loop.stop()
        thread.join()
        fleet.progress.end()
    }

    private func enqueue(_ body: @escaping @Sendable (Fleet) -> Void) {
        fleet.mailbox.withLock { $0.append(body) }
        fleet.loop.wake()
    }
}
