import Foundation
import TestTraits
import Testing

/// Damage to the files of a stopped gateway: found, told, and mended, with the real binary.
@Suite(.takesTurns, .timeLimit(.minutes(10))) struct DamageTests {
    private func object(_ text: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any], "\(text)")
    }

    private func lost(_ text: String) throws -> [NSDictionary] {
        try #require(try object(text)["lost"] as? [[String: Any]]).map { $0 as NSDictionary }
    }

    private func files(_ directory: DamagedDirectory) throws -> [String: Data] {
        var files: [String: Data] = [:]
        for name in try FileManager.default.subpathsOfDirectory(atPath: directory.data) where !name.hasSuffix("lock.mdb") && name != "lock"
        {
            files[name] = FileManager.default.contents(atPath: "\(directory.data)/\(name)") ?? Data()
        }
        return files
    }

    @Test(arguments: FileDamage.allCases)
    func `damage is found, told before it is mended, and nobody misses anything without a gap`(damage: FileDamage) async throws {
        let damaged = try await DamagedDirectory(killed: damage.needsTail)
        let base = ["--data", damaged.data]
        let intact = try await Command.run(["verify"] + base, in: damaged.directory)
        #expect(intact.status == 0 && intact.output.hasPrefix("intact"), "\(intact.output)\(intact.error)")
        try damaged.apply(damage)

        let found = try await Command.run(["verify", "--json"] + base, in: damaged.directory)
        #expect(found.status == 73, "\(found.output)\(found.error)")
        let findings = try #require(try object(found.output)["findings"] as? [[String: Any]])
        #expect(!findings.isEmpty && findings.allSatisfy { ($0["do"] as? String)?.isEmpty == false })

        let before = try files(damaged)
        let planned = try await Command.run(["repair", "--dry-run", "--json"] + base, in: damaged.directory)
        #expect(planned.status == 73, "\(planned.error)")
        #expect(try files(damaged) == before, "a dry run changes nothing")
        let repaired = try await Command.run(["repair", "--apply", "--json"] + base, in: damaged.directory)
        #expect(repaired.status == 0, "\(repaired.error)")
        #expect(try lost(repaired.output) == lost(planned.output))
        #expect(!FileManager.default.fileExists(atPath: damaged.data + "/ticket-keys"))
        #expect(FileManager.default.fileExists(atPath: damaged.data + "/journal.damaged-1"))

        let again = try await Command.run(["verify"] + base, in: damaged.directory)
        #expect(again.status == 0, "\(again.output)\(again.error)")
        let mended = try files(damaged)
        let second = try await Command.run(["repair", "--apply", "--json"] + base, in: damaged.directory)
        #expect(try object(second.output)["intact"] as? Bool == true)
        #expect(try files(damaged) == mended)
        try await checkServed(damaged, damage, try lost(planned.output))
    }

    /// Everything that isn't said to be lost comes, in order, and for each that doesn't there is a gap.
    private func checkServed(_ damaged: DamagedDirectory, _ damage: FileDamage, _ lost: [NSDictionary]) async throws {
        let gateway = try await GatewayProcess(in: damaged.directory)
        let names = lost.filter { $0["kind"] as? String == "name" }.flatMap { $0["to"] as? [String] ?? [] }
        var renamed: [(texts: [String], gaps: [Int])] = []
        for name in names { renamed.append(try await damaged.receive(name, gateway)) }
        for (user, sent) in damaged.sent {
            var received = try await damaged.receive(user, gateway)
            if received.texts.isEmpty, received.gaps.isEmpty {
                // The store that knew the name is gone: the inbox is kept under another one.
                for other in renamed where other.texts.contains(where: { $0.hasPrefix(user) }) { received = other }
            }
            let missing = sent.filter { !received.texts.contains($0) }
            #expect(received.texts == sent.filter { !missing.contains($0) }, "in order, each once")
            #expect(missing.count <= received.gaps.reduce(0, +), "\(user): \(missing.count) missing, gaps \(received.gaps)")
            if damage.losesNothing { #expect(missing.isEmpty && received.gaps.isEmpty, "\(user): \(missing) \(received.gaps)") }
            if [.recordByte, .replayedByte, .missingRecord].contains(damage) {
                #expect(missing == (user == "bob" ? ["bob-7"] : []))
                #expect(received.gaps == (user == "bob" ? [1] : []))
                #expect(lost.count == 1 && lost[0]["to"] as? [String] == ["bob"])
            }
        }
        let inspected = try await Command.run(["inspect", "--data", damaged.data, "--json"], in: damaged.directory)
        #expect(try object(inspected.output)["era"] as? Int == 1)
        let beside = try await Command.run(["repair", "--dry-run", "--data", damaged.data], in: damaged.directory)
        #expect(beside.status == 74, "a gateway has it")
        let verified = try await Command.run(["verify", "--data", damaged.data], in: damaged.directory)
        #expect(verified.status == 0, "beside a gateway: \(verified.output)\(verified.error)")
        try await gateway.stop(SIGTERM)
    }

    @Test func `a client with state goes on in the new era, and its old ticket opens nothing`() async throws {
        let damaged = try await DamagedDirectory(killed: false)
        var gateway = try await GatewayProcess(in: damaged.directory)
        let state = ["--state", damaged.directory.path("state")]
        let options = await gateway.options
        let first = try await Command.run(["receive", "--as", "bob", "--count", "3"] + state + options, in: damaged.directory)
        #expect(first.status == 0, "\(first.error)")
        try await gateway.stop(SIGTERM)
        let keys = try damaged.directory.contents("data/ticket-keys")
        try damaged.apply(.recordByte)
        let repaired = try await Command.run(["repair", "--apply", "--data", damaged.data], in: damaged.directory)
        #expect(repaired.status == 0, "\(repaired.error)")
        gateway = try await GatewayProcess(in: damaged.directory)
        #expect(try damaged.directory.contents("data/ticket-keys") != keys)
        let rest = try await Command.run(["receive", "--as", "bob", "--timeout", "1"] + state + gateway.options, in: damaged.directory)
        #expect(rest.status == 0, "\(rest.error)")
        let lines = rest.output.split(separator: "\n")
        #expect(lines.count == DamagedDirectory.messages - 3 && lines.contains { $0.contains("\"gap\":\"damaged\"") }, "\(rest.output)")
        try await gateway.stop(SIGTERM)
    }

    @Test func `the marker of a failed commit goes when all is intact`() async throws {
        let damaged = try await DamagedDirectory(killed: false)
        try damaged.directory.write("no space\n".utf8, to: "data/failed-commit")
        let planned = try await Command.run(["repair", "--dry-run", "--data", damaged.data], in: damaged.directory)
        #expect(planned.status == 0 && planned.output.contains("marker"), "\(planned.output)\(planned.error)")
        #expect(FileManager.default.fileExists(atPath: damaged.data + "/failed-commit"))
        let applied = try await Command.run(["repair", "--apply", "--data", damaged.data], in: damaged.directory)
        #expect(applied.status == 0, "\(applied.error)")
        #expect(!FileManager.default.fileExists(atPath: damaged.data + "/failed-commit"))
    }

    @Test func `a damaged record that a start would replay stops it, and it says what to do`() async throws {
        let damaged = try await DamagedDirectory(killed: true)
        try damaged.apply(.replayedByte)
        let served = try await Command.run(
            ["serve", "--data", damaged.data, "--listen", "127.0.0.1:0", "--tls-listen", "", "--control-listen", ""], in: damaged.directory)
        #expect(served.status == 73 && served.error.contains("holdfast repair --dry-run"), "\(served.error)")
    }

    private static let mistakes: [([String], Int32)] = [
        (["verify", "--data", "nowhere"], 66), (["repair", "--data", "nowhere", "--apply"], 66), (["repair", "--data", "."], 64),
        (["inspect", "--data", "nowhere"], 66), (["inspect", "--data", "nowhere", "journal"], 66),
        (["backup", "--data", "nowhere", "--to", "b"], 66), (["restore", "--from", "nowhere", "--data", "d"], 66),
    ]

    @Test(arguments: mistakes)
    func `what isn't there is named`(arguments: [String], status: Int32) async throws {
        let directory = try TemporaryDirectory()
        let result = try await Command.run(arguments, in: directory)
        #expect(result.status == status, "\(result.status) \(result.error)")
        #expect(status == 64 || result.error.contains("nowhere"), "\(result.error)")
        #expect(!result.error.contains("disk"), "\(result.error)")
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: directory.path).allSatisfy { $0.contains("put-") || $0.contains("rror-") })
    }
}
