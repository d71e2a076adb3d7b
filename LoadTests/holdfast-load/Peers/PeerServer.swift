import Foundation
import HoldfastIO

/// A server that this program starts and stops, in a folder of its own, on free ports of loopback.
///
/// Used by one task; a new object for each run of a scenario.
protocol PeerServer: AnyObject {
    /// Name, version and settings, for reports.
    var description: RunContext.Server { get }
    /// What a reader has to know before he compares: who syncs when, where queues live, what was set and why.
    var caveats: [String] { get }
    /// The sizes that it can stand in reasonable time.
    var scale: PeerScale { get }
    /// All its processes, for memory and CPU time.
    var meter: PeerMeter { get }
    /// Its first process; nil before it was started.
    var life: PeerLife? { get }

    /// Starts it, and waits until it answers. Throws what is missing with the command that mends it.
    func start() async throws
    /// kill -9 of all its processes: power stays on.
    func kill()
    /// Starts it again after `kill`, on the same ports and data.
    func restart() async throws
    /// Ends it and removes its data.
    func stop()

    /// Users 0..<count, their accounts made if the peer has such.
    func clients(count: Int) async throws -> any PeerClients
    /// Where it listens.
    func target(_ transport: PeerTransport) throws -> PeerTarget
}

/// A server that is one program with one folder.
protocol PeerProgram: PeerServer {
    var process: PeerProcess? { get }
    /// Its data and its configuration, removed at the end.
    var directory: String { get }
}

extension PeerProgram {
    var meter: PeerMeter { PeerMeter(roots: process.map { [$0.pid] } ?? []) }
    var life: PeerLife? { process?.life }

    func start() async throws { try await restart() }

    func kill() { process?.kill() }

    func stop() {
        kill()
        try? FileManager.default.removeItem(atPath: directory)
    }
}

/// Makes the machines of a run's users.
protocol PeerClients: Sendable {
    /// The name of a user's inbox.
    func name(_ index: Int) -> String
    /// A machine that has never been connected.
    func machine(_ index: Int, _ role: PeerRole) -> any PeerMachine
}

/// How connections travel.
enum PeerTransport: String, Sendable, CaseIterable {
    case plain
    /// A full handshake each time.
    case tls
    /// The session of the last connection is resumed.
    case tlsResumed = "tls-resumed"
}

/// Where connections go.
struct PeerTarget: Sendable {
    var address: SocketAddress
    /// Nil: plaintext.
    var tls: TLSClientOptions?

    /// Plaintext to a port of 127.0.0.1.
    init(port: UInt16) { address = SocketAddress(ipv4: 0x7F00_0001, port: port) }

    /// TLS to a port of 127.0.0.1, whose certificate is made out to that address.
    init(port: UInt16, trust: String, resumes: Bool, alpn: [String] = []) throws {
        address = SocketAddress(ipv4: 0x7F00_0001, port: port)
        let context = try TLSClientContext(trust: .file(trust), alpn: alpn, keepsSessions: resumes)
        tls = TLSClientOptions(context: context, serverName: "127.0.0.1")
    }

    /// Addresses to connect from, taken in turn.
    var sources: [SocketAddress] { Target.sources(to: address) }
}

/// How much a scenario asks of a server: what the quick ones take, or less.
struct PeerScale: Sendable {
    /// Connections of `idle`: where the slope begins and ends.
    var idle = 5_000..<18_000
    /// Connections of `connect`, plain; with TLS a fifth.
    var connects = 10_000
    /// Receivers of the second shape of `durable`.
    var receivers = 10_000
    /// Absent users of `offline`, and messages at most.
    var absent = 100_000
    var offlineMessages = 300_000
    /// Phones of `storm`.
    var storm = 10_000
    /// Receivers of `kill`.
    var killReceivers = 1_000
    /// Whether it can be reached with TLS.
    var hasTLS = true

    /// As Holdfast, mosquitto.
    static let full = PeerScale()
    /// For servers that take milliseconds for what others do in microseconds.
    static let slow = PeerScale(
        idle: 1_000..<4_000, connects: 2_000, receivers: 2_000, absent: 5_000, offlineMessages: 20_000, storm: 2_000, killReceivers: 500)

    /// The sizes of `--quick`.
    var quick: PeerScale {
        PeerScale(
            idle: min(500, idle.lowerBound)..<min(2_000, idle.upperBound), connects: min(1_000, connects), receivers: min(1_000, receivers),
            absent: min(5_000, absent), offlineMessages: min(20_000, offlineMessages), storm: min(1_000, storm),
            killReceivers: min(200, killReceivers), hasTLS: hasTLS)
    }
}

extension PeerScale {
    /// The same number of clients everywhere.
    init(clients: Int, hasTLS: Bool) {
        self.init(
            idle: clients / 4..<clients, connects: clients, receivers: clients, absent: clients, offlineMessages: clients * 3,
            storm: clients, killReceivers: clients, hasTLS: hasTLS)
    }
}
