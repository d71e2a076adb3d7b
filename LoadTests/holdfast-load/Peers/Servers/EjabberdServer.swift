import Foundation

/// ejabberd with stream management and offline storage.
final class EjabberdServer: PeerProgram {
    private let program: String
    let directory: String
    private let port: UInt16
    private let tlsPort: UInt16
    private let certificate: PeerCertificate
    private(set) var process: PeerProcess?

    /// Where Debian has it.
    private static let libraries = "/usr/lib/x86_64-linux-gnu"

    init(_ workshop: Workshop) throws {
        let install = "apt-get install -y ejabberd"
        program = try PeerProcess.find("erl", install: install)
        guard Self.version != nil else { throw LoadError("ejabberd isn't installed: \(install)") }
        directory = workshop.directory + "/ejabberd"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        certificate = try PeerCertificate(directory: directory)
        let ports = try FreePort.take(2)
        (port, tlsPort) = (ports[0], ports[1])
        try PeerConfiguration.write(
            "ejabberd.yml", to: directory + "/ejabberd.yml",
            ["port": String(port), "tlsPort": String(tlsPort), "certificate": certificate.certificate, "key": certificate.key])
    }

    var description: RunContext.Server {
        RunContext.Server(
            name: "ejabberd", version: Self.version ?? "unknown", settings: "XMPP, stream management, offline storage, Mnesia")
    }

    var caveats: [String] {
        [
            "keeps messages for absent users in Mnesia, whose log is written now and then and not synced: the acknowledgement promises nothing about a crash",
            "a phone that vanished keeps its session and its queue in memory for 300 s (stream management); only later, or after a clean leave, is its queue in the offline storage",
            "the acknowledgement <a/> says that the server has handled a message, not where it is; a lost session's messages may be sent again and stored twice",
            "checks a password at each connect, also for a resumption; XML and base64, and one Erlang process for each connection and session",
            "its listen queue was set to 128 places, from 5, the default: with 5, most connects are repeated by the system after 1, 3, 7 s …",
        ]
    }

    // Milliseconds for a connect; an account for each user has to be made before.
    var scale: PeerScale {
        PeerScale(
            idle: 1_000..<5_000, connects: 2_000, receivers: 10_000, absent: 10_000, offlineMessages: 40_000, storm: 10_000,
            killReceivers: 500)
    }

    func restart() async throws {
        // As `ejabberdctl foreground` does, but as who starts it, in the run's folder, and as a node without a name: no port mapper.
        let process = try PeerProcess(
            "ejabberd", program, ["+K", "true", "+P", "250000", "-noinput", "-mnesia", "dir", "\"\(directory)/mnesia\"", "-s", "ejabberd"],
            environment: [
                "ERL_LIBS": Self.libraries, "ERL_MAX_PORTS": "32000", "ERL_CRASH_DUMP_BYTES": "0", "HOME": directory,
                "EJABBERD_CONFIG_PATH": directory + "/ejabberd.yml", "EJABBERD_LOG_PATH": directory + "/ejabberd.log",
            ], log: directory + "/output.log", ownLog: directory + "/ejabberd.log")
        self.process = process
        try await process.waitForPort(port)
    }

    func clients(count: Int) async throws -> any PeerClients {
        let clients = XMPPClients()
        let connections = 16
        let driver = try PeerDriver(
            target(.plain), connections: connections, title: "ejabberd, \(count) accounts", progress: ProgressLine())
        defer { driver.stop() }
        try await driver.perform { fleet in
            for part in 0..<min(connections, count) {
                fleet.add(XMPPRegistration(stride(from: part, to: count, by: connections).map(clients.name)))
            }
        }
        try await driver.connect(0..<min(connections, count), inFlightMax: 2, secondsMax: 300)
        let troubles = try await driver.perform { $0.counters.troubles }
        if let trouble = troubles.keys.sorted().first { throw LoadError(trouble) }
        return clients
    }

    func target(_ transport: PeerTransport) throws -> PeerTarget {
        guard transport != .plain else { return PeerTarget(port: port) }
        return try PeerTarget(port: tlsPort, trust: certificate.certificate, resumes: transport == .tlsResumed)
    }

    /// Of the installed one: its folder has it in its name.
    private static var version: String? {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: libraries)) ?? []
        // The first has no number of the package.
        return names.filter { $0.hasPrefix("ejabberd-") }.sorted().first.map { String($0.dropFirst("ejabberd-".count)) }
    }
}
