import Foundation
import Synchronization
import TestTraits
import Testing

/// Backups while a gateway serves, restoring them, and being killed in the middle, with the real binary.
@Suite(.takesTurns, .timeLimit(.minutes(10))) struct BackupTests {
    private func object(_ text: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any], "\(text)")
    }

    private func texts(_ output: String) throws -> [String] {
        try output.split(separator: "\n").compactMap { line in try object(String(line))["text"] as? String }
    }

    private func mode(_ path: String) throws -> Int {
        try #require(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
    }

    /// Sends lines until it is enough, 500 at a time.
    /// - Returns: the lines.
    private func sendRounds(
        as sender: String, to recipient: String, _ options: [String], in directory: TemporaryDirectory, until isEnough: () -> Bool
    ) async throws -> [String] {
        var lines: [String] = []
        repeat {
            let round = (1...500).map { "second-\(lines.count + $0)" }
            try directory.write(round.joined(separator: "\n").utf8, to: "second")
            let arguments = ["send", "--as", sender, "--to", recipient, "--lines"] + options
            #expect(try await Command.run(arguments, in: directory, input: directory.path("second")).status == 0)
            lines += round
        } while !isEnough()
        return lines
    }

    @Test func `what was confirmed before a backup began is in it, while senders send and records are trimmed`() async throws {
        let directory = try TemporaryDirectory()
        try directory.write("checkpointEntries: 1000\ncheckpointEntriesMax: 2000\n".utf8, to: "config.yaml")
        let gateway = try await GatewayProcess(in: directory, extra: ["--config", directory.path("config.yaml")])
        let options = await gateway.options
        let first = (1...500).map { "first-\($0)" }
        try directory.write(first.joined(separator: "\n").utf8, to: "first")
        let send = ["send", "--as", "alice", "--to", "bob", "--lines"] + options
        #expect(try await Command.run(send, in: directory, input: directory.path("first")).status == 0)
        // Another one's messages are sent, received and trimmed until the backup is over, however long it takes.
        let isOver = Mutex(false)
        async let others = sendRounds(as: "carol", to: "dave", options, in: directory) { isOver.withLock { $0 } }
        let receiver = try Command(["receive", "--as", "dave"] + options, in: directory)
        _ = await receiver.firstLine()

        let data = directory.path("data")
        let backup = try await Command.run(["backup", "--data", data, "--to", directory.path("backup"), "--json"], in: directory)
        isOver.withLock { $0 = true }
        #expect(backup.status == 0, "\(backup.error)")
        let second = try await others
        receiver.signal(SIGTERM)
        #expect(try await receiver.result().status == 0)
        #expect(try mode(directory.path("backup/development.key")) == 0o600)
        #expect(try mode(directory.path("backup/tls/key.pem")) == 0o600)
        #expect(!FileManager.default.fileExists(atPath: directory.path("backup/ticket-keys")))
        try await gateway.stop(SIGTERM)

        try FileManager.default.moveItem(atPath: data, toPath: directory.path("lost"))
        let restored = try await Command.run(["restore", "--from", directory.path("backup"), "--data", data, "--json"], in: directory)
        #expect(restored.status == 0, "\(restored.error)")
        #expect(try object(restored.output)["era"] as? Int == 1)
        try await gateway.start()
        let received = try await Command.run(["receive", "--as", "bob", "--timeout", "1"] + options, in: directory)
        #expect(try texts(received.output) == first)
        // Of the other stream the backup has a part without a hole.
        let rest = try texts(try await Command.run(["receive", "--as", "dave", "--timeout", "1"] + options, in: directory).output)
        #expect(rest == second.filter(Set(rest).contains))
        if let last = rest.last, let end = second.firstIndex(of: last) { #expect(rest == Array(second[...end].suffix(rest.count))) }
        try await gateway.stop(SIGTERM)
    }

    @Test func `used directories are refused, and what is replaced is kept`() async throws {
        let damaged = try await DamagedDirectory(killed: false)
        let directory = damaged.directory
        let (data, backup) = (damaged.data, directory.path("backup"))
        #expect(try await Command.run(["backup", "--data", data, "--to", backup], in: directory).status == 0)
        for arguments in [
            ["backup", "--data", data, "--to", backup], ["backup", "--data", data, "--to", data],
            ["restore", "--from", backup, "--data", data],
        ] {
            let refused = try await Command.run(arguments, in: directory)
            #expect(refused.status == 64 && refused.error.contains("isn't empty"), "\(refused.error)")
        }
        let replaced = try await Command.run(["restore", "--from", backup, "--data", data, "--replace", "--json"], in: directory)
        #expect(replaced.status == 0, "\(replaced.error)")
        #expect(try object(replaced.output)["era"] as? Int == 1)
        #expect(FileManager.default.fileExists(atPath: data + "/journal.replaced-1/data.mdb"))
        // The same backup once more: clients have seen era 1.
        let fresh = try await Command.run(["restore", "--from", backup, "--data", directory.path("fresh"), "--json"], in: directory)
        #expect(try object(fresh.output)["era"] as? Int == 2, "\(fresh.error)")
        let above = ["restore", "--from", backup, "--data", directory.path("above"), "--json", "--era-above", "9"]
        #expect(try object(try await Command.run(above, in: directory).output)["era"] as? Int == 10)
        let gateway = try await GatewayProcess(in: directory)
        let beside = try await Command.run(["restore", "--from", backup, "--data", data, "--replace"], in: directory)
        #expect(beside.status == 74, "\(beside.error)")
        let received = try await damaged.receive("bob", gateway)
        #expect(received.texts == damaged.sent["bob"] && received.gaps.isEmpty)
        try await gateway.stop(SIGTERM)
    }

    @Test func `a damaged backup isn't restored, and of a damaged directory none is made`() async throws {
        let damaged = try await DamagedDirectory(killed: false)
        let directory = damaged.directory
        let backup = directory.path("backup")
        #expect(try await Command.run(["backup", "--data", damaged.data, "--to", backup], in: directory).status == 0)
        try damaged.apply(.recordByte)
        let refused = try await Command.run(["backup", "--data", damaged.data, "--to", directory.path("second")], in: directory)
        #expect(refused.status == 73 && refused.error.contains("bob"), "\(refused.error)")
        #expect(!FileManager.default.fileExists(atPath: directory.path("second/format")))
        var bytes = try directory.contents("backup/journal/data.mdb")
        let place = try #require(Data(bytes).range(of: Data("carol-9".utf8)))
        bytes[place.lowerBound] ^= 1
        try directory.write(bytes, to: "backup/journal/data.mdb")
        let restored = try await Command.run(["restore", "--from", backup, "--data", directory.path("fresh")], in: directory)
        #expect(restored.status == 73 && restored.error.contains("carol"), "\(restored.error)")
        #expect(!FileManager.default.fileExists(atPath: directory.path("fresh/format")))
    }

    enum Interrupted: String, CaseIterable { case backup, restore, replace, repair }

    /// Whatever moment the kill hits: either it is done, or it is clear that it isn't, and the same command brings it about.
    @Test(arguments: Interrupted.allCases, 0..<3) func `killed in the middle`(command: Interrupted, round: Int) async throws {
        let damaged = try await DamagedDirectory(killed: false)
        let directory = damaged.directory
        let (data, backup, fresh) = (damaged.data, directory.path("backup"), directory.path("fresh"))
        let makeBackup = ["backup", "--data", data, "--to", backup]
        var (arguments, target) = (makeBackup, backup)
        switch command {
        case .backup: break
        case .restore, .replace:
            #expect(try await Command.run(makeBackup, in: directory).status == 0)
            target = command == .restore ? fresh : data
            arguments = ["restore", "--from", backup, "--data", target] + (command == .replace ? ["--replace"] : [])
        case .repair:
            try damaged.apply(.recordByte)
            (arguments, target) = (["repair", "--data", data, "--apply"], data)
        }
        let run = try Command(arguments, in: directory)
        // Each round waits for another step.
        let step = ["unfinished/lock", "unfinished/format", "unfinished/suffix"][round]
        while run.isRunning, !FileManager.default.fileExists(atPath: "\(target)/\(step)") { await Task.yield() }
        run.signal(SIGKILL)
        let killed = try await run.result()
        if killed.status != 0, command == .backup || command == .restore {
            // Nobody takes what is there for whole.
            let served = try await Command.run(
                ["serve", "--data", target, "--listen", "127.0.0.1:0", "--tls-listen", "", "--control-listen", ""], in: directory)
            #expect(served.status == 73, "\(served.status) \(served.error)")
        }
        let again = try await Command.run(arguments, in: directory)
        if killed.status != 0 { #expect(again.status == 0, "\(again.error)") }
        let verified = try await Command.run(["verify", "--data", target], in: directory)
        #expect(verified.status == 0, "\(verified.output)\(verified.error)")
        for name in ["unfinished", "finished"] { #expect(!FileManager.default.fileExists(atPath: "\(target)/\(name)")) }
        #expect(verified.output.contains("\(2 * DamagedDirectory.messages) inbox entries"), "\(verified.output)")
    }
}
