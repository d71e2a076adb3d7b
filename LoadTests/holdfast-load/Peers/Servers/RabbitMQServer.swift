import Foundation

/// RabbitMQ's MQTT plugin, with quorum queues.
final class RabbitMQServer: PeerProgram {
    private let program: String
    private let epmdProgram: String
    let directory: String
    private let port: UInt16
    private let tlsPort: UInt16
    private let environment: [String: String]
    private let certificate: PeerCertificate
    private(set) var process: PeerProcess?
    private var epmd: PeerProcess?

    init(_ workshop: Workshop) throws {
        let install = "apt-get install -y rabbitmq-server"
        // Debian's program in /usr/sbin runs as the user rabbitmq and in /var/lib; this one runs as who starts it.
        program = try PeerProcess.find("rabbitmq-server", paths: ["/usr/lib/rabbitmq/bin/rabbitmq-server"], install: install)
        epmdProgram = try PeerProcess.find("epmd", install: install)
        directory = workshop.directory + "/rabbitmq"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        certificate = try PeerCertificate(directory: directory)
        let ports = try FreePort.take(5)
        (port, tlsPort) = (ports[0], ports[1])
        try PeerConfiguration.write(
            "rabbitmq.conf", to: directory + "/rabbitmq.conf",
            [
                "port": String(port), "tlsPort": String(tlsPort), "amqpPort": String(ports[2]), "certificate": certificate.certificate,
                "key": certificate.key,
            ])
        try PeerConfiguration.write("rabbitmq-advanced.config", to: directory + "/advanced.config", [:])
        try "[rabbitmq_mqtt].\n".write(toFile: directory + "/enabled_plugins", atomically: true, encoding: .utf8)
        environment = [
            "HOME": directory, "RABBITMQ_NODENAME": "load\(ports[3])@localhost", "RABBITMQ_CONFIG_FILE": directory + "/rabbitmq.conf",
            "RABBITMQ_ADVANCED_CONFIG_FILE": directory + "/advanced.config",
            "RABBITMQ_ENABLED_PLUGINS_FILE": directory + "/enabled_plugins", "RABBITMQ_MNESIA_BASE": directory + "/mnesia",
            "RABBITMQ_LOG_BASE": directory + "/log", "RABBITMQ_PID_FILE": directory + "/pid", "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_DIST_PORT": String(ports[3]), "ERL_EPMD_PORT": String(ports[4]), "ERL_EPMD_ADDRESS": "127.0.0.1",
            // The shell becomes the server instead of waiting for it.
            "RABBITMQ_ALLOW_INPUT": "true",
        ]
    }

    var description: RunContext.Server {
        RunContext.Server(name: "rabbitmq", version: version, settings: "MQTT 3.1.1, QoS 1, quorum queues, one node")
    }

    var caveats: [String] {
        [
            "writes a message to the log of its quorum queue and syncs that, several messages at a time, before PUBACK",
            "one Erlang process and one queue for each subscriber; checks no password, since anonymous access is allowed",
        ]
    }

    var scale: PeerScale { .slow }

    func start() async throws {
        // The port mapper of Erlang, as a child: the one that the server would start outlives it.
        let epmd = try PeerProcess("epmd", epmdProgram, [], environment: environment, log: directory + "/epmd.log")
        self.epmd = epmd
        try await restart()
    }

    func restart() async throws {
        let process = try PeerProcess("rabbitmq-server", program, [], environment: environment, log: directory + "/output.log")
        self.process = process
        try await process.waitForPort(port, seconds: 180)
    }

    func stop() {
        process?.kill()
        epmd?.kill()
        try? FileManager.default.removeItem(atPath: directory)
    }

    func clients(count: Int) async throws -> any PeerClients { MQTTClients(MQTTSettings(version: .v311)) }

    func target(_ transport: PeerTransport) throws -> PeerTarget {
        guard transport != .plain else { return PeerTarget(port: port) }
        return try PeerTarget(port: tlsPort, trust: certificate.certificate, resumes: transport == .tlsResumed)
    }

    private var version: String {
        let folder = "/usr/lib/rabbitmq/lib"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.first { $0.hasPrefix("rabbitmq_server-") }.map { String($0.dropFirst(16)) } ?? "unknown"
    }
}
