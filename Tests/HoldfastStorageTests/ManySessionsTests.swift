import Foundation
import HoldfastCore
import HoldfastStorage
import HoldfastWire
import Testing

/// Cold state is on disk: however many sessions there are, the RAM has a bounded part of them.
@Suite(.timeLimit(.minutes(20))) struct ManySessionsTests {
    private static let sessionCount = 1_000_000
    private static let growthBytesMax = 64 << 20

    @Test func `a million sessions, one after the other, take no more RAM than a hundred thousand`() async throws {
        let directory = try TemporaryDirectory()
        // A process of its own, so that its memory is nobody else's.
        await #expect(processExitsWith: .success) { [path = directory.data as String] in
            let run = try SessionsRun(directory: path)
            try run.visit(0..<100_000)
            let before = try anonymousBytes()
            try run.visit(100_000..<Self.sessionCount)
            let growth = try anonymousBytes() - before
            guard growth <= Self.growthBytesMax else {
                FileHandle.standardError.write(Data("grew by \(growth) bytes\n".utf8))
                exit(1)
            }
            guard run.usersMax <= 2 * SessionsRun.cachedUsersMax + SessionsRun.checkpointEntriesMax else { exit(2) }
            // Those who came first are found again on the disk, not made anew.
            run.outcome = .resumed
            try run.visit(0..<1_000)
        }
    }
}

/// Bytes of the process that no file has.
private func anonymousBytes() throws -> Int {
    let rollup = try String(contentsOfFile: "/proc/self/smaps_rollup", encoding: .utf8)
    guard let line = rollup.split(separator: "\n").first(where: { $0.hasPrefix("Anonymous:") }),
        let kilobytes = line.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
    else { throw CocoaError(.fileReadCorruptFile) }
    return kilobytes << 10
}

/// Users who connect with a new device each, get their WELCOME, and go.
private final class SessionsRun {
    static let cachedUsersMax = 10_000
    static let checkpointEntriesMax = 60_000
    private static let visitorsAtOnce = 2_000

    private var core: CoreTurn
    private let storage: LMDBStorage
    private var now = CoreTime(wall: 1_700_000_000_000, monotonic: 0)
    /// What each visitor must be told.
    var outcome = WelcomeOutcome.begun
    private(set) var usersMax = 0
    private var present: [(ConnectionHandle, SessionID)] = []

    init(directory: String) throws {
        var configuration = CoreConfiguration()
        configuration.cachedUsersMax = Self.cachedUsersMax
        configuration.cachedLookupsMax = Self.cachedUsersMax
        configuration.checkpointEntries = Self.checkpointEntriesMax / 2
        configuration.checkpointEntriesMax = Self.checkpointEntriesMax
        storage = try LMDBStorage.open(directory: directory, configuration: StorageConfiguration()) { _, _ in true }
        core = CoreTurn(try Core.recover(storage: storage, configuration: configuration, loops: 1, now: now))
    }

    func visit(_ users: Range<Int>) throws {
        for start in stride(from: users.lowerBound, to: users.upperBound, by: Self.visitorsAtOnce) {
            let visitors = start..<min(start + Self.visitorsAtOnce, users.upperBound)
            // Those who were here before leave.
            var batch = CommandBatch(door: 0)
            batch.commands = ContiguousArray(present.map { .detach(connection: $0.0, session: $0.1) })
            appendHellos(visitors, to: &batch)
            present = try settle(batch)
            guard present.count == visitors.count else { throw NotWelcomed() }
        }
    }

    private struct NotWelcomed: Error {}

    private func appendHellos(_ users: Range<Int>, to batch: inout CommandBatch) {
        for user in users {
            let start = batch.bytes.count
            batch.bytes += Array("user-\(user)".utf8)
            let middle = batch.bytes.count
            batch.bytes += Array("phone".utf8)
            batch.commands.append(
                .hello(
                    connection: ConnectionHandle(loop: 0, generation: 1, slot: UInt32(user)), user: start..<middle,
                    device: middle..<batch.bytes.count, isSendOnly: false, isService: false, state: nil))
        }
    }

    /// Carries out all that the core wants until it wants nothing.
    /// - Returns: who was welcomed.
    private func settle(_ batch: CommandBatch) throws -> [(ConnectionHandle, SessionID)] {
        var welcomed: [(ConnectionHandle, SessionID)] = []
        core.take(.commands(batch, done: nil), now: now)
        try core.settle(on: storage, now: &now) { _, effects in
            for case .welcome(let connection, let attached) in effects.effects {
                guard attached.outcome == outcome else { throw NotWelcomed() }
                welcomed.append((connection, attached.session))
            }
        }
        usersMax = max(usersMax, core.counts.users)
        return welcomed
    }
}
