import Foundation
import TestTraits
import Testing

@Suite(.takesTurns, .timeLimit(.minutes(10))) struct EventsCommandTests {
    @Test func `events are printed, and a consumer goes on where it was`() async throws {
        let directory = try TemporaryDirectory()
        let gateway = try await GatewayProcess(in: directory)
        let data = ["--data", directory.path("data")]
        func run(_ arguments: [String]) async throws -> Command.Result { try await Command.run(arguments + data, in: directory) }
        func lines(_ result: Command.Result) -> [String] { result.output.split(separator: "\n").map { String($0) } }
        func push(_ text: String) async throws {
            let result = try await run(["push", "--as", "shop", "--to", "alice", "--text", text, "--tag", "order"])
            #expect(result.status == 0, "\(result.error)")
        }
        let added = try await run(["consumers", "add", "billing", "--types", "message.stored,audit.act", "--hours", "5"])
        #expect(added.status == 0, "\(added.error)")
        #expect(added.output.hasPrefix("billing: at "), "\(added.output)")
        try await push("one \u{202E}\u{1B}[31m")
        let all = try await run(["events"])
        #expect(all.status == 0, "\(all.error)")
        #expect(all.error.isEmpty)
        #expect(lines(all).count == 1)
        #expect(all.output.contains(" message.stored alice position="), "\(all.output)")
        #expect(all.output.contains(" from=shop ") && all.output.contains(" tag=order "))
        let json = try await run(["events", "--json", "--bodies", "--types", "message.stored"])
        let event = try #require(try JSONSerialization.jsonObject(with: Data(lines(json)[0].utf8)) as? [String: Any])
        #expect((event["data"] as? [String: Any])?["text"] as? String == "one \u{202E}\u{1B}[31m")
        #expect(!json.output.contains("\u{202E}") && !json.output.contains("\u{1B}"))
        #expect(try lines(await run(["events", "--user", "nobody"])).isEmpty)
        let id = try #require(event["id"] as? String)
        #expect(try lines(await run(["events", "--after", id])).isEmpty)
        // What was printed is acknowledged.
        #expect(try lines(await run(["events", "--consumer", "billing"])).count == 1)
        #expect(try lines(await run(["events", "--consumer", "billing"])).isEmpty)
        try await push("two")
        #expect(try lines(await run(["events", "--consumer", "billing"])).count == 1)
        let list = try await run(["consumers", "list"])
        #expect(lines(list).count == 1)
        #expect(list.output.contains("kept for 5 h"))
        #expect(try await run(["consumers", "remove", "billing"]).status == 0)
        let gone = try await run(["events", "--consumer", "billing"])
        #expect(gone.status == 64)
        #expect(gone.error.contains("No consumer is called \"billing\"."), "\(gone.error)")
        try await gateway.stop(SIGTERM)
    }

    @Test func `who comes from a future that a backup has undone is told`() async throws {
        let directory = try TemporaryDirectory()
        let gateway = try await GatewayProcess(in: directory)
        let data = directory.path("data")
        func run(_ arguments: [String]) async throws -> Command.Result {
            try await Command.run(arguments + ["--data", data], in: directory)
        }
        func push(_ text: String) async throws -> Int32 {
            try await run(["push", "--as", "shop", "--to", "alice", "--text", text]).status
        }
        #expect(try await push("one") == 0)
        #expect(try await run(["backup", "--to", directory.path("backup")]).status == 0)
        #expect(try await push("two") == 0)
        let last = try #require(try await run(["events"]).output.split(separator: "\n").last?.split(separator: " ").first)
        try await gateway.stop(SIGTERM)
        try FileManager.default.moveItem(atPath: data, toPath: directory.path("lost"))
        #expect(try await run(["restore", "--from", directory.path("backup")]).status == 0)
        try await gateway.start()
        #expect(try await push("three") == 0)
        let events = try await run(["events", "--after", String(last)])
        #expect(events.error.contains("is undone, by a restored backup or a repair"), "\(events.error)")
        #expect(events.output.split(separator: "\n").count == 1, "\(events.output)")
        try await gateway.stop(SIGTERM)
    }

    @Test func `what comes is followed`() async throws {
        let directory = try TemporaryDirectory()
        let gateway = try await GatewayProcess(in: directory)
        let data = ["--data", directory.path("data")]
        let added = try await Command.run(["consumers", "add", "c", "--start", "newest"] + data, in: directory)
        #expect(added.status == 0, "\(added.error)")
        let command = try Command(["events", "--follow", "--consumer", "c", "--types", "message.stored"] + data, in: directory)
        #expect(try await command.result().status == 64)
        let follower = try Command(["events", "--follow", "--consumer", "c"] + data, in: directory)
        _ = try await Command.run(["push", "--as", "shop", "--to", "alice", "--text", "one"] + data, in: directory)
        #expect(await follower.firstLine()?.contains("message.stored alice") == true)
        try await gateway.stop(SIGTERM)
        #expect(try await follower.result().status == 69)
    }
}
