import Foundation
import HoldfastCore
import HoldfastGateway
import HoldfastIO
import HoldfastStorage
import TestTraits
import Testing

@testable import holdfast

@Suite(.takesTurns, .timeLimit(.minutes(10))) struct DoctorTests {
    /// A machine on which nothing is to be said.
    private static var machine: MachineFacts {
        var facts = MachineFacts()
        facts.kernel = "6.1.0-18-amd64"
        facts.openSSL = "OpenSSL 3.0.11"
        facts.descriptorsMax = 2_000_000
        facts.somaxconn = 65_535
        facts.synBacklogMax = 4_096
        facts.hasSynCookies = true
        facts.localPorts = 10_240...65_535
        facts.tcpPagesMax = 4_000_000
        facts.memoryAvailableBytes = 64 << 30
        facts.overcommit = 0
        facts.hugePages = "madvise"
        facts.isClockSynchronised = true
        facts.wallSeconds = 1_790_000_000
        return facts
    }

    private static var disk: DiskFacts {
        var facts = DiskFacts()
        facts.fileSystem = 0xEF53
        facts.availableBytes = 100 << 30
        facts.syncMicroseconds = 800
        facts.syncMicrosecondsMax = 3_000
        return facts
    }

    private func checks(
        isMade: Bool = true, _ change: (inout MachineFacts, inout DiskFacts, inout Configuration) -> Void = { _, _, _ in }
    ) -> [DoctorCheck] {
        var (machine, disk, configuration) = (Self.machine, Self.disk, Configuration())
        change(&machine, &disk, &configuration)
        return DoctorChecks.all(machine, disk, configuration, directory: "/var/lib/holdfast", isMade: isMade)
    }

    @Test func `a machine that is set up passes`() {
        #expect(checks().filter { $0.state != .ok } == [])
        #expect(checks().allSatisfy { $0.advice.isEmpty })
    }

    @Test func `each lack is found, and the advice names the setting`() throws {
        let cases: [(String, DoctorCheck.State, String, (inout MachineFacts, inout DiskFacts, inout Configuration) -> Void)] = [
            ("kernel", .warn, "upgrade", { m, _, _ in m.kernel = "4.19.0" }),
            ("OpenSSL", .fail, "libssl3", { m, _, _ in m.openSSL = "OpenSSL 1.1.1n" }),
            ("clock", .fail, "timedatectl", { m, _, _ in m.wallSeconds = 60 }),
            ("clock", .fail, "timedatectl", { m, _, _ in m.wallSeconds += 30 * 365 * 86_400 }),
            ("clock synchronised", .warn, "set-ntp", { m, _, _ in m.isClockSynchronised = false }),
            ("clock synchronised", .warn, "timedatectl", { m, _, _ in m.isClockSynchronised = nil }),
            ("descriptors", .warn, "LimitNOFILE=1000064", { m, _, _ in m.descriptorsMax = 20_000 }),
            ("descriptors", .fail, "LimitNOFILE", { m, _, _ in m.descriptorsMax = 256 }),
            ("threads", .fail, "TasksMax=", { m, _, _ in m.threadsMax = 12 }),
            ("net.core.somaxconn", .warn, "sysctl -w net.core.somaxconn=65535", { m, _, _ in m.somaxconn = 4_096 }),
            ("net.core.somaxconn", .fail, "sysctl -w net.core.somaxconn=65535", { m, _, _ in m.somaxconn = 64 }),
            ("tcp_max_syn_backlog", .warn, "net.ipv4.tcp_max_syn_backlog=65535", { m, _, _ in m.hasSynCookies = false }),
            ("local ports", .warn, "ip_local_port_range", { m, _, _ in m.localPorts = 50_000...60_000 }),
            ("memory available", .warn, "connectionsMax", { m, _, _ in m.memoryAvailableBytes = 2 << 30 }),
            ("memory available", .fail, "connectionsMax", { m, _, _ in m.memoryAvailableBytes = 32 << 20 }),
            ("net.ipv4.tcp_mem", .warn, "tcp_mem", { m, _, _ in m.tcpPagesMax = 1_000 }),
            ("overcommit", .warn, "vm.overcommit_memory=0", { m, _, _ in m.overcommit = 2 }),
            ("huge pages", .warn, "transparent_hugepage", { m, _, _ in m.hugePages = "always" }),
            ("file system", .fail, "local disk", { _, d, _ in d.fileSystem = 0x6969 }),
            ("file system", .warn, "local disk", { _, d, _ in d.fileSystem = 0x0102_1994 }),
            ("disk free", .warn, "/var/lib/holdfast", { _, d, _ in d.availableBytes = 500 << 20 }),
            ("disk free", .fail, "reserveBytes", { _, d, c in (d.availableBytes, c.reserveBytes) = (1 << 30, 1 << 30) }),
            ("disk sync", .warn, "disk", { _, d, _ in d.syncMicroseconds = 40_000 }),
            ("disk sync", .fail, "chown", { _, d, _ in d.syncMicroseconds = nil }),
        ]
        for (name, state, advice, change) in cases {
            let found = checks(change).filter { $0.state != .ok }
            let check = try #require(found.first, "\(name)")
            #expect(found.count == 1 && check.name == name && check.state == state, "\(found)")
            #expect(check.advice.contains(advice) || check.advice.lowercased().contains(advice), "\(check.advice)")
            #expect(check.line.contains(check.wanted) && check.line.contains(check.advice))
        }
    }

    @Test func `nobody is told to change the owner of a folder that isn't the gateway's`() throws {
        let check = try #require(checks(isMade: false) { _, disk, _ in disk.syncMicroseconds = nil }.first { $0.state == .fail })
        #expect(check.advice.hasPrefix("install -d") && !check.advice.contains("chown"))
    }

    @Test func `a gateway that follows from a small limit is well`() {
        let small = checks { machine, _, configuration in
            machine.memoryLimit = MemoryLimit(bytes: 64 << 20, source: "a group")
            machine.descriptorsMax = 20_000
            configuration = configuration.sized(for: machine.memoryLimit)
        }
        #expect(small.allSatisfy { $0.state != .fail }, "\(small.filter { $0.state == .fail })")
    }

    @Test func `the configuration decides what is enough`() {
        let small = checks { machine, _, configuration in
            machine.descriptorsMax = 20_000
            machine.somaxconn = 4_096
            machine.memoryAvailableBytes = 1 << 30
            configuration.connectionsMax = 10_000
            configuration.listenBacklog = 4_096
        }
        #expect(small.filter { $0.state != .ok } == [])
    }

    @Test func `certificate, keys and secrets are looked at as a start would`() {
        var report = IdentityReport()
        #expect(DoctorChecks.identity(report).map(\.state) == [.ok, .ok, .ok])
        for (state, expected) in [
            (CertificateTimes.State.good, DoctorCheck.State.ok), (.ending, .warn), (.expired, .fail), (.notYetValid, .fail),
        ] {
            report.certificate = state
            #expect(DoctorChecks.identity(report)[0].state == expected)
        }
        (report.tlsError, report.tokenError, report.readableSecrets) = ("no key", "no secret", ["/etc/key"])
        let checks = DoctorChecks.identity(report)
        #expect(checks.map(\.state) == [.fail, .fail, .warn])
        #expect(checks[0].line.contains("no key") && checks[1].line.contains("no secret") && checks[2].advice == "chmod 600 /etc/key")
    }

    @Test func `a limit that is nearly used up is found before messages are refused, and only its own environment is named`() {
        var (usage, configuration) = (StorageUsage(), Configuration())
        configuration.storageBytesMax = 128 << 20
        (usage.journalFileBytes, usage.journalFreeBytes, usage.storeFileBytes) = (200 << 20, 110 << 20, 20 << 20)
        #expect(DoctorChecks.limit(usage, configuration).map(\.state) == [.ok, .ok])
        usage.journalFreeBytes = 90 << 20
        let checks = DoctorChecks.limit(usage, configuration)
        #expect(checks.map(\.state) == [.warn, .ok])
        #expect(checks[0].line.contains("storageBytesMax: \(128 << 20)"))
        #expect(DoctorChecks.limit(nil, configuration).isEmpty)
    }

    @Test func `a format that this version doesn't serve fails, with the way out`() {
        #expect(DoctorChecks.format(nil).isEmpty)
        #expect(DoctorChecks.format(StorageFormat.current.rawValue).map(\.state) == [.ok])
        let (earlier, later) = (DoctorChecks.format(1)[0], DoctorChecks.format(StorageFormat.current.rawValue + 1)[0])
        #expect(earlier.state == .fail && earlier.advice.contains("--migrate"))
        #expect(later.state == .fail && later.value == "\(StorageFormat.current.rawValue + 1)" && later.advice.contains("later one"))
    }

    @Test func `the format of a data directory is told to people and programs`() async throws {
        let directory = try TemporaryDirectory()
        let data = directory.path("data")
        _ = try LMDBStorage.open(directory: data) { _, _ in true }
        let number = "\(StorageFormat.current.rawValue)"
        let people = try await Command.run(["doctor", "--data", data], in: directory)
        #expect(people.output.contains(try Regex("ok +format +\(number)\n")), "\(people.output)")
        let programs = try await Command.run(["doctor", "--data", data, "--json"], in: directory)
        let object = try #require(try JSONSerialization.jsonObject(with: Data(programs.output.utf8)) as? [String: Any])
        let list = try #require(object["checks"] as? [[String: Any]])
        #expect(list.first { $0["name"] as? String == "format" }?["value"] as? String == number)
    }

    @Test func `the command tells people and programs the same, and a wrong configuration by its code`() async throws {
        let directory = try TemporaryDirectory()
        let people = try await Command.run(["doctor", "--data", directory.path("data")], in: directory)
        let programs = try await Command.run(["doctor", "--data", directory.path("data"), "--json"], in: directory)
        #expect(people.status == programs.status && (people.status == 0 || people.status == 1), "\(people.error)")
        let object = try #require(try JSONSerialization.jsonObject(with: Data(programs.output.utf8)) as? [String: Any])
        let list = try #require(object["checks"] as? [[String: Any]])
        #expect(object["ok"] as? Bool == (programs.status == 0))
        for check in list { #expect(people.output.contains(try #require(check["name"] as? String))) }
        #expect(list.contains { $0["name"] as? String == "disk sync" })
        // Nothing is left behind.
        #expect(!(try FileManager.default.contentsOfDirectory(atPath: directory.path)).contains { $0.hasPrefix("doctor-probe") })
        try directory.write("listenBacklog: 1\n".utf8, to: "wrong.yaml")
        let wrong = try await Command.run(["doctor", "--config", directory.path("wrong.yaml")], in: directory)
        #expect(wrong.status == 64 && wrong.error.contains("listenBacklog"))
    }
}
