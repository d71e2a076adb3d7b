import Foundation
import HoldfastGateway
import HoldfastIO

/// Our own gateway, at its defaults, behind the interface of the peers.
final class HoldfastServer: PeerServer {
    private let workshop: Workshop
    private var gateway: GatewayProcess?

    init(_ workshop: Workshop) throws { self.workshop = workshop }

    var description: RunContext.Server {
        RunContext.Server(name: "holdfast", version: String(ResultsFile.commit.prefix(8)), settings: "defaults")
    }

    var caveats: [String] {
        ["syncs each message to disk before its acknowledgement; checks a signed token at login and a ticket at each resume"]
    }

    var scale: PeerScale { .full }

    var meter: PeerMeter { PeerMeter(roots: gateway.map { [$0.child.pid] } ?? []) }

    var life: PeerLife? { gateway.map { PeerLife(name: "holdfast", child: $0.child, logs: [$0.data + ".log"]) } }

    func start() async throws { gateway = try GatewayProcess(workshop, name: "holdfast") }

    func kill() { gateway?.kill() }

    func restart() async throws { try gateway?.restart() }

    func stop() { gateway?.remove() }

    func clients(count: Int) async throws -> any PeerClients {
        let path = TokenSecret.developmentKeyPath(data: try running.data)
        guard let secret = TokenSecret.read(path) else { throw LoadError("\(path) can't be read") }
        return HoldfastClients(tokens: try await TokenBook(count: count, origin: .secret(secret)))
    }

    func target(_ transport: PeerTransport) throws -> PeerTarget {
        let gateway = try running
        guard transport != .plain else { return PeerTarget(port: gateway.address.port) }
        return try PeerTarget(
            port: gateway.tlsAddress.port, trust: gateway.data + "/tls/cert.pem", resumes: transport == .tlsResumed, alpn: ["holdfast/1"])
    }

    private var running: GatewayProcess {
        get throws {
            guard let gateway else { throw LoadError("the gateway isn't started") }
            return gateway
        }
    }
}
