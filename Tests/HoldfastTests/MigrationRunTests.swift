import Foundation
import HoldfastCore
import HoldfastStorage
import TestTraits
import Testing

/// The commands on a directory of format 1 (Tests/HoldfastStorageTests/Fixtures), on one whose migration was killed midway, and on a migrated one.
@Suite(.takesTurns, .timeLimit(.minutes(10))) struct MigrationRunTests {
    enum State: CaseIterable {
        case old, half, new

        /// The number in its file `format`.
        var number: Int { self == .old ? 1 : 2 }
    }

    private static let fixture = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "HoldfastStorageTests/Fixtures/format-1")

    /// What waits, by user; carol's inbox has lost what came before.
    private static let waiting: [String: [String]] = [
        "bob": (6...16).map { "bob-\($0)" }, "carol": (14...33).map { "carol-\($0)" }, "dave": [], "erin": ["erin-1", "erin-2"],
        "frank": (1...3).map { "frank-\($0)" },
    ]

    private static let evicted = "carol evicted 13"

    private func makeDirectory(_ state: State) throws -> TemporaryDirectory {
        let directory = try TemporaryDirectory()
        let data = directory.path("data")
        try FileManager.default.copyItem(atPath: Self.fixture.path, toPath: data)
        guard state != .old else { return directory }
        let half = directory.path("half")
        var configuration = StorageConfiguration()
        configuration.migrationBytesMax = 1
        let migration = Migration(isWanted: true) { progress in
            // What a kill behind this transaction leaves.
            if progress.movedEntries == 20 { try? FileManager.default.copyItem(atPath: data, toPath: half) }
        }
        _ = try LMDBStorage.open(directory: data, configuration: configuration, migration: migration) { _, _ in true }
        guard state == .half else { return directory }
        try FileManager.default.removeItem(atPath: data)
        try FileManager.default.moveItem(atPath: half, toPath: data)
        return directory
    }

    private func number(_ path: String) throws -> Int {
        let text = try String(contentsOfFile: path + "/format", encoding: .utf8)
        return try #require(text.firstMatch(of: /^holdfast-data (\d+)\n$/).flatMap { Int($0.1) })
    }

    private func run(_ arguments: [String], in directory: TemporaryDirectory, status: Int32 = 0) async throws -> Command.Result {
        let result = try await Command.run(arguments, in: directory)
        #expect(result.status == status, "\(arguments): \(result.output)\(result.error)")
        return result
    }

    /// What the gateway that serves `data` hands out.
    private func receive(_ directory: TemporaryDirectory, extra: [String]) async throws -> (texts: [String: [String]], gaps: [String]) {
        let gateway = try await GatewayProcess(in: directory, extra: extra)
        let options = await gateway.options
        var (texts, gaps): ([String: [String]], [String]) = ([:], [])
        for user in Self.waiting.keys.sorted() {
            let result = try await run(["receive", "--as", user, "--json", "--timeout", "0.5s"] + options, in: directory)
            texts[user] = []
            for line in result.output.split(separator: "\n") {
                let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
                if let text = object["text"] as? String { texts[user]?.append(text) }
                if let gap = object["gap"] as? String { gaps.append("\(user) \(gap) \(object["count"] ?? 0)") }
            }
        }
        try await gateway.stop(SIGTERM)
        return (texts, gaps)
    }

    @Test(arguments: State.allCases) func `every command reads it, copies have its format, and everything arrives`(state: State)
        async throws
    {
        let directory = try makeDirectory(state)
        let data = directory.path("data")
        #expect(try number(data) == state.number)
        let sessions = try await run(["inspect", "sessions", "--data", Self.fixtureCopy(in: directory)], in: directory).output
        #expect(try await run(["inspect", "sessions", "--data", data], in: directory).output == sessions)
        let store = try await run(["inspect", "--data", data], in: directory).output
        #expect(store.contains("format             \(state.number)\n") && store.contains("29 inbox entries"), "\(store)")
        let verified = try await run(["verify", "--data", data], in: directory).output
        #expect(verified.contains("48 records, 5 users, 4 conversations, 29 inbox entries"))
        #expect(try await run(["repair", "--data", data, "--dry-run"], in: directory).output.contains("intact"))

        _ = try await run(["backup", "--data", data, "--to", directory.path("backup")], in: directory)
        #expect(try number(directory.path("backup")) == state.number)
        _ = try await run(["restore", "--from", directory.path("backup"), "--data", directory.path("fresh")], in: directory)
        #expect(try number(directory.path("fresh")) == state.number)
        #expect(try await run(["verify", "--data", directory.path("fresh")], in: directory).output == verified)

        if state == .old {
            let serve = ["serve", "--data", data, "--listen", "127.0.0.1:0", "--tls-listen", "", "--control-listen", ""]
            let refused = try await run(serve, in: directory, status: 79)
            for part in ["29 inbox entries", "--migrate", "backup"] { #expect(refused.error.contains(part), "\(refused.error)") }
            #expect(try number(data) == 1)
        }
        let received = try await receive(directory, extra: state == .old ? ["--migrate"] : [])
        #expect(received.texts == Self.waiting && received.gaps == [Self.evicted], "\(received.gaps)")
        #expect(try number(data) == 2)
        // The way back.
        _ = try await run(["restore", "--from", directory.path("backup"), "--data", data, "--replace"], in: directory)
        #expect(try number(data) == state.number)
        #expect(try await run(["verify", "--data", data], in: directory).output == verified)
    }

    private static func fixtureCopy(in directory: TemporaryDirectory) throws -> String {
        try FileManager.default.copyItem(atPath: fixture.path, toPath: directory.path("fixture"))
        return directory.path("fixture")
    }

    @Test(arguments: State.allCases) func `a repair keeps the format, and tells of what is lost`(state: State) async throws {
        let directory = try makeDirectory(state)
        let data = directory.path("data")
        var journal = Data(try directory.contents("data/journal/data.mdb"))
        var from = journal.startIndex
        while let range = journal.range(of: Data("bob-9".utf8), in: from..<journal.endIndex) {
            journal[range.lowerBound] ^= 0x20
            from = range.upperBound
        }
        try directory.write(journal, to: "data/journal/data.mdb")
        #expect(try await run(["verify", "--data", data], in: directory, status: 73).output.contains("bob"))
        #expect(try await run(["repair", "--data", data, "--apply"], in: directory).output.contains("era 1"))
        #expect(try number(data) == state.number)
        let received = try await receive(directory, extra: state == .old ? ["--migrate"] : [])
        var expected = Self.waiting
        expected["bob"]?.removeAll { $0 == "bob-9" }
        #expect(received.texts == expected && received.gaps == ["bob damaged 1", Self.evicted], "\(received)")
    }

    @Test func `without a file that names it the format is taken from the journal`() async throws {
        for state in State.allCases {
            let directory = try makeDirectory(state)
            let data = directory.path("data")
            try directory.write(Array("nonsense\n".utf8), to: "data/format")
            _ = try await run(["verify", "--data", data], in: directory, status: 73)
            #expect(try await run(["repair", "--data", data, "--apply"], in: directory).output.contains("no message is lost"))
            #expect(try number(data) == state.number)
            #expect(try await run(["verify", "--data", data], in: directory).output.contains("6 users"))
        }
    }
}
