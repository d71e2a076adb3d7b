import HoldfastClient
import HoldfastIO
import HoldfastTestSupport

/// One way in which a network is bad.
struct NetworkCase: Sendable {
    let name: String
    let summary: String
    var bodyBytes = 100
    /// Messages of each phone in a second.
    var perSecond = 10.0
    /// A relay stands between phones and gateway, and does this until the fault is over.
    var relay: RelayPolicy?
    /// What is set before anybody connects.
    var prepare: @Sendable (NetworkLab) throws -> Void = { _ in }
    /// The fault, from its beginning to its end. Nil: the relay, or what was prepared, for the time of the run.
    var inject: (@Sendable (NetworkStage) async throws -> Void)?
    /// Connections that have to be lost by the fault, or it had no effect and the case shows nothing.
    var losesConnections = false

    /// All of them, in the order in which they run.
    static let all: [NetworkCase] = faults + slowness + relayed

    private static let faults: [NetworkCase] = [
        NetworkCase(
            name: "address", summary: "the phones' address changes in mid-message, three times",
            inject: { stage in
                for turn in 1...3 {
                    try stage.lab.changeAddress(turn: turn)
                    try await stage.wait(seconds: 2.5)
                }
            }, losesConnections: true),
        NetworkCase(
            name: "blackhole-short", summary: "nothing goes through for less than a heartbeat, five times",
            inject: { stage in
                for _ in 0..<5 {
                    try stage.lab.cut()
                    try await stage.wait(seconds: 0.7)
                    try stage.lab.mend()
                    try await stage.wait(seconds: 0.5)
                }
            }),
        NetworkCase(
            name: "blackhole-long", summary: "nothing goes through for longer than both sides' patience",
            inject: { stage in
                try stage.lab.cut()
                try await stage.wait(seconds: 6)
                try stage.lab.mend()
            }, losesConnections: true),
        NetworkCase(
            name: "blackhole-down", summary: "the phones' packets arrive, the gateway's don't",
            inject: { stage in
                try stage.lab.gateway.nft("add rule inet fault out drop")
                try await stage.wait(seconds: 6)
                try stage.lab.mend()
            }, losesConnections: true),
        NetworkCase(
            name: "half-open-client", summary: "the phones vanish without a FIN, and come back from another address at once",
            inject: { stage in
                try await stage.vanish()
                try await stage.comeBack()
            }, losesConnections: true),
        NetworkCase(
            name: "vanished", summary: "the phones vanish without a FIN, and come back when the gateway has given their connections up",
            inject: { stage in
                try await stage.vanish()
                try await stage.waitUntilGivenUp()
                try await stage.comeBack()
            }, losesConnections: true),
        NetworkCase(
            name: "half-open-gateway", summary: "kill -9 of the gateway; no FIN and no RST reaches the phones; it starts again",
            inject: { stage in
                try stage.lab.gateway.nft("add rule inet fault out drop")
                stage.gateway.kill()
                try stage.lab.gateway.nft("add rule inet fault out tcp flags & rst == rst drop")
                try stage.gateway.restart()
                try stage.lab.gateway.nft("flush chain inet fault out")
                // The new one answers nobody's old connection: they have to find out by themselves.
                try stage.lab.gateway.nft("add rule inet fault out tcp flags & rst == rst drop")
                try await stage.wait(seconds: 6)
                try stage.lab.mend()
            }, losesConnections: true),
        NetworkCase(
            name: "resets", summary: "a firewall resets every connection that says something, ten times in short succession, both ways",
            inject: { stage in
                for turn in 0..<10 {
                    let side = turn % 2 == 0 ? stage.lab.gateway : stage.lab.phones
                    try side.nft("add rule inet fault in meta l4proto tcp reject with tcp reset")
                    try await stage.wait(milliseconds: 100...400)
                    try stage.lab.mend()
                    try await stage.wait(milliseconds: 200...800)
                }
            }, losesConnections: true),
        NetworkCase(
            name: "killed-sockets", summary: "the phones' system ends their sockets (ss -K), five times",
            inject: { stage in
                for _ in 0..<5 {
                    let before = try await stage.lostConnections()
                    try stage.lab.phones.run(["ss", "-K", "-t", "state", "established", "dst", NetworkLab.gatewayHost])
                    try await stage.wait(seconds: 1)
                    if try await stage.lostConnections() == before { throw CaseSkipped("ss -K ends no sockets on this kernel") }
                }
            }, losesConnections: true),
    ]

    private static let slowness: [NetworkCase] = [
        NetworkCase(
            name: "tiny-window", summary: "readers with the smallest receive buffer, a gateway with the smallest send buffer",
            bodyBytes: 2000,
            prepare: { lab in
                try lab.phones.set("tcp_rmem", "2304 2304 2304")
                try lab.gateway.set("tcp_wmem", "4608 4608 4608")
            }),
        NetworkCase(
            name: "tiny-segments", summary: "segments of at most 48 bytes", bodyBytes: 500,
            prepare: { lab in
                try lab.phones.ip("link set phones mtu 100")
                try lab.gateway.ip("link set gateway mtu 100")
            }),
    ]

    private static let relayed: [NetworkCase] = [
        NetworkCase(
            name: "bytewise", summary: "1 byte a segment in both directions", perSecond: 4, relay: RelayPolicy(isBytewise: true),
            prepare: { lab in
                // Else the system puts bytes together that wait behind others.
                for side in [lab.phones, lab.gateway] { try side.set("tcp_autocorking", "0") }
            }),
        NetworkCase(
            name: "delay", summary: "100 to 400 ms in each direction", relay: RelayPolicy(delayMilliseconds: 100...400)),
        NetworkCase(
            name: "loss", summary: "1 of 50 pieces is late by up to 1.2 s, and all behind it; 1 of 100 cuts the connection in its middle",
            relay: RelayPolicy(lossPerThousand: 20, cutsPerThousand: 10), losesConnections: true),
        NetworkCase(
            name: "throttle", summary: "2,000 bytes a second in each direction of a connection", bodyBytes: 200, perSecond: 4,
            relay: RelayPolicy(bytesPerSecond: 2000)),
    ]

    /// The cases that a name means.
    static func named(_ name: String) throws -> [NetworkCase] {
        if name == "all" { return all }
        return try name.split(separator: ",").map { word in
            guard let found = all.first(where: { $0.name == word }) else {
                throw LoadError(usage: "--case doesn't know '\(word)': it takes all, or of \(all.map(\.name).joined(separator: ", "))")
            }
            return found
        }
    }
}

/// A case that this system can't run.
struct CaseSkipped: Error {
    let reason: String
    init(_ reason: String) { self.reason = reason }
}

/// What a fault works on.
final class NetworkStage {
    let lab: NetworkLab
    let gateway: GatewayProcess
    let driver: FleetDriver
    let phones: Int
    private(set) var keptHalfOpen = false
    private var random: SeededRandom
    private static let giveUpSecondsMax = 30

    init(lab: NetworkLab, gateway: GatewayProcess, driver: FleetDriver, phones: Int, seed: UInt64) {
        self.lab = lab
        self.gateway = gateway
        self.driver = driver
        self.phones = phones
        random = SeededRandom(seed: seed)
    }

    /// Lets time pass.
    func wait(seconds: Double) async throws { try await Task.sleep(for: .seconds(seconds)) }

    /// Lets a time pass that the seed chooses.
    func wait(milliseconds: ClosedRange<UInt64>) async throws {
        try await Task.sleep(for: .milliseconds(UInt64.random(in: milliseconds, using: &random)))
    }

    /// Connections that ended without the phone having wanted it.
    func lostConnections() async throws -> Int {
        try await driver.perform { fleet in fleet.counters.disconnects + fleet.counters.closes.values.reduce(0, +) }
    }

    /// All phones are gone, and the gateway doesn't hear of it: neither now nor, since they have another address, later.
    func vanish() async throws {
        try lab.phones.nft("add rule inet fault out drop")
        try await driver.perform { [phones] fleet in fleet.drop(0..<phones) }
        try lab.changeAddress(turn: 1)
        try lab.mend()
    }

    /// Waits until the gateway has no connection left of those that it alone knows of. What it still keeps then is found at the end.
    func waitUntilGivenUp() async throws {
        for _ in 0..<Self.giveUpSecondsMax * 10 {
            if try lab.gateway.connections(port: gateway.address.port) == 0 { return }
            try await wait(seconds: 0.1)
        }
        keptHalfOpen = true
    }

    /// All phones connect.
    func comeBack() async throws {
        try await driver.perform { [phones] fleet in fleet.connect(0..<phones, inFlightMax: 0) }
    }
}
