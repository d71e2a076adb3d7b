import Foundation
import TestTraits
import Testing

/// What becomes of output that nobody gets, with the real binary.
@Suite(.takesTurns, .timeLimit(.minutes(10))) struct OutputTests {
    private func texts(_ lines: some Sequence<UInt8>) throws -> [String] {
        try String(decoding: Array(lines), as: UTF8.self).split(separator: "\n").map {
            try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])["text"] as? String ?? "?"
        }
    }

    @Test(arguments: [("\"$@\" >&-", Int32(66)), ("\"$@\" >/dev/full", 66), ("{ \"$@\"; echo $? >&2; } | :", 0)])
    func `what can't be written is not acknowledged`(shell: String, status: Int32) async throws {
        let directory = try TemporaryDirectory()
        let gateway = try await GatewayProcess(in: directory)
        let options = await gateway.options
        for text in ["one", "two", "three"] {
            let sent = try await Command.run(["send", "--as", "alice", "--to", "bob", "--text", text] + options, in: directory)
            #expect(sent.status == 0, "\(sent.error)")
        }
        let receive = ["receive", "--as", "bob", "--count", "3"] + options
        let failed = try await Command.run(receive, in: directory, shell: shell)
        #expect(failed.status == status, "\(failed.error)")
        #expect(failed.error.contains("tandard output"), "\(failed.error)")
        #expect(status != 0 || failed.error.hasSuffix("1\n"), "\(failed.error)")
        let all = try await Command.run(receive, in: directory)
        #expect(try texts(all.output.utf8) == ["one", "two", "three"], "\(all.error)")
    }

    @Test(arguments: ["\"$@\" >&-", "\"$@\" >/dev/full"])
    func `a result that can't be written is a failure`(shell: String) async throws {
        let directory = try TemporaryDirectory()
        let gateway = try await GatewayProcess(in: directory)
        let options = await gateway.options
        let data = directory.path("data")
        for arguments in [
            ["send", "--as", "alice", "--to", "bob", "--text", "a", "--json"] + options, ["token", "--data", data, "--user", "alice"],
            ["inspect", "--data", data, "--json"], ["verify", "--data", data, "--json"], ["doctor", "--data", data, "--json"],
        ] {
            let result = try await Command.run(arguments, in: directory, shell: shell)
            #expect(result.status == 66 && result.error.contains("tandard output"), "\(arguments[0]): \(result.status) \(result.error)")
        }
    }

    @Test(arguments: ["exec \"$@\" >&-", "exec \"$@\" >/dev/full"])
    func `a gateway serves although nobody gets its ready line, and says so`(shell: String) async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path("log")
        let gateway = try Command(
            ["serve", "--data", directory.path("data"), "--listen", "127.0.0.1:0", "--tls-listen", "", "--control-listen", ""],
            in: directory,
            shell: "\(shell) 2>'\(path)'")
        var log = ""
        while gateway.isRunning, !Task.isCancelled, !log.contains("goes on without") {
            log = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
            await Task.yield()
        }
        #expect(log.contains("The ready line can't be written, and the gateway goes on without it. Standard output"), "\(log)")
        gateway.signal(SIGTERM)
        #expect(try await gateway.result().status == 0)
    }

    @Test func `a rotated file goes on in a new one, and nothing is in neither or both`() async throws {
        let directory = try TemporaryDirectory()
        let gateway = try await GatewayProcess(in: directory)
        let options = await gateway.options
        let receiver = try Command(
            ["receive", "--as", "bob", "--output", directory.path("out"), "--state", directory.path("state"), "--count", "60"] + options,
            in: directory)
        var sent: [String] = []
        for round in 1...6 {
            let lines = (1...10).map { "m\(round).\($0)" }
            sent += lines
            try directory.write((lines.joined(separator: "\n") + "\n").utf8, to: "input")
            let result = try await Command.run(
                ["send", "--as", "alice", "--to", "bob", "--lines"] + options, in: directory, input: directory.path("input"))
            #expect(result.status == 0, "\(result.error)")
            // Made at the start, and after each signal.
            while receiver.isRunning, !Task.isCancelled, !FileManager.default.fileExists(atPath: directory.path("out")) {
                await Task.yield()
            }
            // What comes before the signal still goes into the renamed file.
            try FileManager.default.moveItem(atPath: directory.path("out"), toPath: directory.path("out.\(round)"))
            receiver.signal(SIGHUP)
        }
        let ended = try await receiver.result()
        #expect(ended.status == 0, "\(ended.error)")
        var received: [String] = []
        for name in (1...6).map({ "out.\($0)" }) + ["out"] {
            if let bytes = try? directory.contents(name) { received += try texts(bytes) }
        }
        #expect(received == sent)
    }

    @Test func `a byte that isn't UTF-8 makes no other directory`() async throws {
        let directory = try TemporaryDirectory()
        let shell = "exec \"$@\" --data \"$(printf 'd\\377')\""
        for command in [
            ["serve", "--listen", "127.0.0.1:0", "--tls-listen", "", "--control-listen", ""], ["token", "--user", "alice"], ["verify"],
        ] {
            let result = try await Command.run(command, in: directory, shell: shell)
            #expect(result.status == 64 && result.error.contains(#""d\xFF", is not UTF-8"#), "\(result.error)")
        }
        let names = try FileManager.default.contentsOfDirectory(atPath: directory.path)
        #expect(names.allSatisfy { $0.contains("put-") || $0.contains("rror-") }, "\(names)")
    }

    @Test func `a user that nobody knows is told as such`() async throws {
        let directory = try TemporaryDirectory()
        let gateway = try await GatewayProcess(in: directory)
        let options = await gateway.options
        _ = try await Command.run(["send", "--as", "alice", "--to", "bob", "--text", "a"] + options, in: directory)
        let inspect = ["inspect", "--data", directory.path("data"), "sessions", "--user"]
        let nobody = try await Command.run(inspect + ["nobody"], in: directory)
        #expect(nobody.status == 1 && nobody.output.isEmpty && nobody.error.contains("There is no user nobody"), "\(nobody)")
        let json = try await Command.run(inspect + ["nobody", "--json"], in: directory)
        #expect(json.status == 1 && json.output == "{\"users\":2,\"shown\":[]}\n", "\(json)")
        let bob = try await Command.run(inspect + ["bob"], in: directory)
        #expect(bob.status == 0 && bob.output.hasSuffix("1 of 2 users\n"), "\(bob)")
    }
}
