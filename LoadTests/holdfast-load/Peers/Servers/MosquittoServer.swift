import Foundation

/// mosquitto, as Debian delivers it or saving its database with every change.
final class MosquittoServer: PeerProgram {
    private let program: String
    let directory: String
    private let savesOnChanges: Bool
    private let options: PeerOptions
    private let port: UInt16
    private let tlsPort: UInt16
    private let certificate: PeerCertificate
    private(set) var process: PeerProcess?

    /// - Parameter savesOnChanges: its most durable settings.
    init(_ workshop: Workshop, savesOnChanges: Bool, _ options: PeerOptions) throws {
        program = try PeerProcess.find("mosquitto", install: "apt-get install -y mosquitto")
        self.savesOnChanges = savesOnChanges
        self.options = options
        directory = workshop.directory + "/mosquitto"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        certificate = try PeerCertificate(directory: directory)
        let ports = try FreePort.take(2)
        (port, tlsPort) = (ports[0], ports[1])
        try PeerConfiguration.write(
            savesOnChanges ? "mosquitto-durable.conf" : "mosquitto.conf", to: directory + "/mosquitto.conf",
            [
                "port": String(port), "tlsPort": String(tlsPort), "directory": directory, "certificate": certificate.certificate,
                "key": certificate.key,
            ])
    }

    var description: RunContext.Server {
        let mqtt = options.mqtt == .v5 ? "MQTT 5" : "MQTT 3.1.1"
        return RunContext.Server(
            name: savesOnChanges ? "mosquitto-durable" : "mosquitto", version: version,
            settings: (savesOnChanges ? "saving on every change" : "as delivered") + ", \(mqtt), QoS \(options.qos)")
    }

    var caveats: [String] {
        let durability =
            savesOnChanges
            ? "writes its whole database whenever something has changed in a turn of its loop, and syncs it after PUBACK has gone out"
            : "keeps queues and sessions in memory and writes them every 30 minutes: PUBACK promises nothing about a crash of the machine or of mosquitto"
        return [
            durability, "checks no token: anybody may connect, subscribe and publish",
            "one thread; its listen queue has 100 places (in its source), so that connects that come all at once are repeated by the system after 1, 3, 7 s …",
        ]
    }

    // It writes everything that it has whenever something has changed: the more sessions and messages, the slower.
    var scale: PeerScale {
        guard savesOnChanges else { return .full }
        return PeerScale(connects: 2_000, receivers: 1_000, absent: 5_000, offlineMessages: 10_000, storm: 1_000, killReceivers: 200)
    }

    func restart() async throws {
        // As root it would become the user `mosquitto`, who may not write here.
        let process = try PeerProcess(
            "mosquitto", program, ["-c", directory + "/mosquitto.conf"], log: directory + "/output.log",
            ownLog: directory + "/mosquitto.log")
        self.process = process
        try await process.waitForPort(port)
    }

    func clients(count: Int) async throws -> any PeerClients {
        MQTTClients(MQTTSettings(version: options.mqtt, qos: options.qos))
    }

    func target(_ transport: PeerTransport) throws -> PeerTarget {
        guard transport != .plain else { return PeerTarget(port: port) }
        return try PeerTarget(port: tlsPort, trust: certificate.certificate, resumes: transport == .tlsResumed)
    }

    private var version: String {
        // It tells its version with its help, and then says that it has failed.
        guard let child = try? ChildProcess(program, ["-h"], output: .pipe, errors: .nowhere) else { return "unknown" }
        let line = child.finish().text.split(separator: "\n").first ?? ""
        return line.split(separator: " ").last.map(String.init) ?? "unknown"
    }
}
