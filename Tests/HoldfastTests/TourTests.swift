import Foundation
import HoldfastGateway
import TestTraits
import Testing

/// The commands as a person uses them, with the real binary.
@Suite(.takesTurns, .timeLimit(.minutes(10))) struct TourTests {
    private func json(_ text: String) throws -> [[String: Any]] {
        try text.split(separator: "\n").map { line in
            try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        }
    }

    @Test func `a message to somebody offline survives kill -9 of the gateway`() async throws {
        let directory = try TemporaryDirectory()
        let gateway = try await GatewayProcess(in: directory)
        let options = await gateway.options
        let sent = try await Command.run(["send", "--as", "alice", "--to", "bob", "--text", "are you there?"] + options, in: directory)
        #expect(sent.status == 0, "\(sent.error)")
        try await gateway.stop(SIGKILL)
        try await gateway.start()
        let received = try await Command.run(["receive", "--as", "bob", "--count", "1", "--timeout", "30"] + options, in: directory)
        #expect(received.status == 0, "\(received.error)")
        let message = try #require(json(received.output).first)
        #expect(message["text"] as? String == "are you there?")
        #expect(message["from"] as? String == "alice")
        #expect(message["to"] as? String == "bob")
        #expect(message["kind"] as? String == "text")
        // Acknowledged: it doesn't come again.
        let again = try await Command.run(["receive", "--as", "bob", "--timeout", "0.5"] + options, in: directory)
        #expect(again.status == 0 && again.output.isEmpty, "\(again.error)\(again.output)")
        let end = try await gateway.stop(SIGTERM)
        #expect(end?.status == 0, "\(end?.error ?? "")")
    }

    @Test func `a token file and TLS with the gateway's certificate`() async throws {
        let directory = try TemporaryDirectory()
        let gateway = try await GatewayProcess(in: directory)
        let data = directory.path("data")
        let token = try await Command.run(["token", "--data", data, "--user", "alice", "--ttl", "5m"], in: directory)
        #expect(token.status == 0, "\(token.error)")
        try directory.write(token.output.utf8, to: "alice.token")
        try directory.write([0xFF, 0x00, 0x80], to: "body")
        let sent = try await Command.run(
            [
                "send", "--as", "alice", "--to", "bob", "--file", directory.path("body"), "--kind", "custom", "--json", "--tls", "--server",
                gateway.tlsAddress, "--trust", data + "/tls/cert.pem", "--token-file", directory.path("alice.token"),
            ], in: directory)
        #expect(sent.status == 0, "\(sent.error)")
        #expect(sent.output == "{\"complete\":true,\"durable\":1,\"skipped\":0,\"notDurable\":[]}\n")
        let received = try await Command.run(
            ["receive", "--as", "bob", "--count", "1", "--tls", "--server", gateway.tlsAddress, "--data", data], in: directory)
        #expect(try json(received.output).first?["base64"] as? String == "/wCA", "\(received.error)")
        #expect(try json(received.output).first?["kind"] as? String == "custom")
        // A certificate that isn't trusted is refused, and said so.
        let untrusted = try await Command.run(
            [
                "send", "--as", "alice", "--to", "bob", "--text", "x", "--timeout", "1", "--tls", "--server", gateway.tlsAddress,
                "--trust", "/etc/ssl/certs/ca-certificates.crt", "--token-file", directory.path("alice.token"),
            ], in: directory)
        #expect(untrusted.status != 0)
        // Somebody else's token is refused, at once.
        let other = try await Command.run(
            ["receive", "--as", "mallory", "--server", gateway.address, "--token-file", directory.path("alice.token")], in: directory)
        #expect(other.status == 64 && other.error.contains("is of alice, --as says mallory"), "\(other.error)")
        let stranger = try await Command.run(
            ["receive", "--as", "carol", "--server", gateway.address, "--token-file", directory.path("nothing")], in: directory)
        #expect(stranger.status == 66 && stranger.error.contains("--token-file"), "\(stranger.error)")
    }

    @Test func `lines that were sent are skipped, another input is an error`() async throws {
        let directory = try TemporaryDirectory()
        let gateway = try await GatewayProcess(in: directory)
        let options = await gateway.options
        let send = ["send", "--as", "alice", "--to", "bob", "--lines", "--json", "--state", directory.path("state")] + options
        try directory.write("one\n\nthree\n".utf8, to: "input")
        let first = try await Command.run(send, in: directory, input: directory.path("input"))
        #expect(first.output == "{\"complete\":true,\"durable\":3,\"skipped\":0,\"notDurable\":[]}\n", "\(first.error)")
        try directory.write("one\n\nthree\nfour".utf8, to: "input")
        let second = try await Command.run(send, in: directory, input: directory.path("input"))
        #expect(second.output == "{\"complete\":true,\"durable\":1,\"skipped\":3,\"notDurable\":[]}\n", "\(second.error)")
        try directory.write("one\ntwo\nthree\nfour".utf8, to: "input")
        let third = try await Command.run(send, in: directory, input: directory.path("input"))
        #expect(third.status == 64 && third.error.contains("--state"), "\(third.error)")
        let received = try await Command.run(["receive", "--as", "bob", "--timeout", "1"] + options, in: directory)
        #expect(try json(received.output).compactMap { $0["text"] as? String } == ["one", "", "three", "four"])
    }

    @Test func `a full inbox is waited for, then every line that didn't fit is named`() async throws {
        let directory = try TemporaryDirectory()
        try directory.write("inboxMessagesMax: 2\n".utf8, to: "config.yaml")
        let gateway = try await GatewayProcess(in: directory, extra: ["--config", directory.path("config.yaml")])
        let options = await gateway.options
        try directory.write("1\n2\n3\n4\n5\n".utf8, to: "input")
        let send = ["send", "--as", "alice", "--to", "bob", "--lines", "--state", directory.path("state"), "--timeout", "1"] + options
        let full = try await Command.run(send, in: directory, input: directory.path("input"))
        #expect(full.status == 1)
        #expect(full.error.contains("lines 3-5: not stored yet"), "\(full.error)")
        #expect(full.error.contains("inbox is full"), "\(full.error)")
        // Somebody reads meanwhile: the same command gets the rest through.
        let receiver = try Command(["receive", "--as", "bob", "--count", "5"] + options, in: directory)
        let rest = try await Command.run(send.dropLast(6) + ["--timeout", "30"] + options, in: directory, input: directory.path("input"))
        #expect(rest.status == 0, "\(rest.error)")
        let received = try await receiver.result()
        #expect(try json(received.output).compactMap { $0["text"] as? String } == ["1", "2", "3", "4", "5"])
    }

    @Test func `a chat through pipes, and what inspect says beside the gateway`() async throws {
        let directory = try TemporaryDirectory()
        let gateway = try await GatewayProcess(in: directory)
        let options = await gateway.options
        try directory.write("hello\nhow are you?\n".utf8, to: "input")
        let chat = try await Command.run(
            ["chat", "--as", "alice", "--with", "bob"] + options, in: directory, input: directory.path("input"))
        #expect(chat.status == 0, "\(chat.error)")
        #expect(chat.output.contains("alice: hello ✓") && chat.output.contains("alice: how are you? ✓"), "\(chat.output)")
        // What isn't sent is no success.
        try directory.write((String(repeating: "x", count: 61_441) + "\n").utf8, to: "long")
        let long = try await Command.run(
            ["chat", "--as", "alice", "--with", "bob"] + options, in: directory, input: directory.path("long"))
        #expect(long.status == 1 && long.error.contains("1 messages were refused"), "\(long.error)")
        let data = directory.path("data")
        let sessions = try await Command.run(["inspect", "--data", data, "sessions", "--json", "--user", "bob"], in: directory)
        #expect(sessions.output.contains("\"user\":\"bob\",\"number\":2,"), "\(sessions.output)\(sessions.error)")
        #expect(sessions.output.contains("\"inboxMessages\":2"))
        // By what the log calls him, too.
        let hash = try #require(LogNames(data: data)?.user(Array("bob".utf8)))
        #expect(sessions.output.contains("\"logUser\":\"\(hash)\""))
        let byHash = try await Command.run(["inspect", "--data", data, "sessions", "--json", "--user", hash], in: directory)
        #expect(byHash.output == sessions.output)
        let journal = try await Command.run(["inspect", "--data", data, "journal", "--json"], in: directory)
        #expect(journal.status == 0 && journal.output.contains("\"damaged\":0"), "\(journal.output)\(journal.error)")
        #expect(journal.output.contains("\"newUser\":\"bob\""))
        let store = try await Command.run(["inspect", "--data", data], in: directory)
        #expect(store.status == 0 && store.output.contains("next position"), "\(store.error)")
    }

    @Test func `two gateways don't share a data directory`() async throws {
        let directory = try TemporaryDirectory()
        let gateway = try await GatewayProcess(in: directory)
        let second = try await Command.run(
            ["serve", "--data", directory.path("data"), "--listen", "127.0.0.1:0", "--tls-listen", "", "--control-listen", ""],
            in: directory)
        #expect(second.status == 74, "\(second.error)")
        #expect(second.output.isEmpty)
        try await gateway.stop(SIGTERM)
    }

    @Test func `two gateways don't share a port, which would give each a part of the connections`() async throws {
        let directory = try TemporaryDirectory()
        let gateway = try await GatewayProcess(in: directory)
        let address = await gateway.address
        let second = try await Command.run(
            ["serve", "--data", directory.path("other"), "--listen", address, "--tls-listen", "", "--control-listen", ""], in: directory)
        #expect(second.status == 69 && second.error.contains("bind \(address)"), "\(second.error)")
        #expect(second.output.isEmpty)
        try await gateway.stop(SIGTERM)
    }

    @Test(arguments: ["journal", "store"])
    func `a file that was cut is told as damage`(environment: String) async throws {
        let directory = try TemporaryDirectory()
        let gateway = try await GatewayProcess(in: directory)
        let options = await gateway.options
        _ = try await Command.run(["send", "--as", "alice", "--to", "bob", "--text", "x"] + options, in: directory)
        try await gateway.stop(SIGTERM)
        // LMDB's two first pages stay, and say where the others are.
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: directory.path("data/\(environment)/data.mdb")))
        try file.truncate(atOffset: 8192)
        for command in [["serve", "--listen", "127.0.0.1:0", "--tls-listen", "", "--control-listen", ""], ["inspect"]] {
            let result = try await Command.run(command + ["--data", directory.path("data")], in: directory)
            #expect(result.status == 73 && result.error.contains("damaged"), "\(result.status) \(result.error)")
        }
    }

    @Test func `what is before a line that is too long is sent, and the list tells the rest`() async throws {
        let directory = try TemporaryDirectory()
        let gateway = try await GatewayProcess(in: directory)
        let lines = ["one", String(repeating: "x", count: 61_441), "three", String(repeating: "y", count: 3_000_000), "five"]
        try directory.write(lines.joined(separator: "\n").utf8, to: "input")
        let send = ["send", "--as", "alice", "--to", "bob", "--lines", "--json"]
        let result = try await Command.run(send + gateway.options, in: directory, input: directory.path("input"))
        #expect(result.status == 1)
        let report = try #require(try json(result.output).first)
        #expect(report["durable"] as? Int == 2, "\(result.output)")
        let missing = try #require(report["notDurable"] as? [[String: Any]])
        #expect(missing.map { $0["first"] as? Int } == [2, 4], "\(result.output)")
    }

    @Test func `lines aren't sent again when the state that says which were sent is damaged`() async throws {
        let directory = try TemporaryDirectory()
        let gateway = try await GatewayProcess(in: directory)
        try directory.write("one\ntwo\n".utf8, to: "input")
        let send = ["send", "--as", "alice", "--to", "bob", "--lines", "--state", directory.path("state")]
        let options = await gateway.options
        #expect(try await Command.run(send + options, in: directory, input: directory.path("input")).status == 0)
        var state = try directory.contents("state/client.state")
        state[20] ^= 1
        try directory.write(state, to: "state/client.state")
        let damaged = try await Command.run(send + options, in: directory, input: directory.path("input"))
        #expect(damaged.status == 66 && damaged.error.contains("set aside"), "\(damaged.error)")
        // Now it is somebody's decision.
        #expect(try await Command.run(send + options, in: directory, input: directory.path("input")).status == 0)
    }

    @Test func `a closed standard input is an empty one`() async throws {
        let directory = try TemporaryDirectory()
        let gateway = try await GatewayProcess(in: directory)
        let send = ["send", "--as", "alice", "--to", "bob", "--lines"]
        let shell = Process()
        shell.executableURL = URL(fileURLWithPath: "/bin/sh")
        shell.arguments = ["-c", "exec \"$0\" \"$@\" <&-", Command.binary.path] + send + (await gateway.options)
        try shell.run()
        shell.waitUntilExit()
        #expect(shell.terminationStatus == 0)
    }

    @Test(arguments: [
        (["send", "--as", "a", "--to", "b"], Int32(64), "--text"),
        (["send", "--as", "a", "--to", "b", "--text", "x", "--lines"], 64, "one of"),
        (["token", "--data", ".", "--user", "", "--ttl", "1h"], 64, "--user"),
        (["token", "--data", "nowhere", "--user", "u"], 66, "development key"),
        (["receive", "--as", "a", "--server", "nonsense", "--token-file", "t"], 64, "--server"),
        (["serve", "--listen", "0.0.0.0:0", "--data", "d"], 64, "allow-plaintext"), (["inspect", "--data", "nowhere"], 66, "nowhere"),
        (["receive", "--as", "a", "--count", "0"], 64, "--count"), (["serve", "--data", ""], 64, "data"),
        (["send", "--as", "a", "--to", "b", "--text", "x", "--token-file", "t", "--state", ""], 64, "--state"),
        (["receive", "--as", "a", "--token-file", "t", "--output", ""], 64, "--output"),
        (["receive", "--as", "a", "--token-file", "t", "--tls", "--trust", "t"], 66, "--trust"),
    ])
    func `errors name the offender and have an exit code`(arguments: [String], status: Int32, word: String) async throws {
        let directory = try TemporaryDirectory()
        try directory.write("token".utf8, to: "t")
        let result = try await Command.run(arguments, in: directory)
        #expect(result.status == status, "\(result.error)")
        #expect(result.error.contains(word), "\(result.error)")
        #expect(result.output.isEmpty)
    }
}
