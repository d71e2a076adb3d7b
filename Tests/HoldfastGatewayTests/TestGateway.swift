import Foundation
import HoldfastCore
import HoldfastGateway
import HoldfastIO
import HoldfastWire
import Logging

/// A gateway in the test's process, in a folder of its own.
final class TestGateway {
    let data: String
    private(set) var gateway: Gateway
    private(set) var port: UInt16 = 0
    private(set) var tlsPort: UInt16 = 0
    private var configuration: Configuration
    private let issuer: TokenIssuer
    private let logger: Logger

    private static let secret = [UInt8]("a secret of tests, long enough for sure".utf8)

    init(logger: Logger = .silent, _ change: (inout Configuration) -> Void = { _ in }) async throws {
        self.logger = logger
        data = FileManager.default.temporaryDirectory.path + "/holdfast-test-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: true)
        var configuration = Configuration()
        configuration.data = data + "/data"
        configuration.listen = ["127.0.0.1:0"]
        configuration.tlsListen = []
        configuration.loops = 2
        configuration.drainSeconds = 0
        configuration.tokenClockSeconds = 0
        configuration.storageBytesMax = 1 << 30
        configuration.reserveBytes = 16 << 20
        configuration.tokenSecretFile = data + "/secret"
        try Data(Self.secret).write(to: URL(fileURLWithPath: configuration.tokenSecretFile))
        change(&configuration)
        self.configuration = configuration
        issuer = try await TokenIssuer(secret: Self.secret)
        gateway = Gateway(configuration: configuration, logger: logger)
        try await start()
    }

    deinit { try? FileManager.default.removeItem(atPath: data) }

    private func start() async throws {
        let addresses = try await gateway.start()
        port = addresses.tcp.first?.port ?? 0
        tlsPort = addresses.tls.first?.port ?? 0
    }

    /// Stops in order; the exit code.
    @discardableResult
    func stop() async -> Int32 {
        gateway.beginDrain()
        return await gateway.waitUntilStopped()
    }

    /// Stops in order and starts again on the same data.
    func restart(_ change: (inout Configuration) -> Void = { _ in }) async throws {
        await stop()
        change(&configuration)
        gateway = Gateway(configuration: configuration, logger: logger)
        try await start()
    }

    func token(
        _ user: String, device: String? = nil, to: [String]? = nil, at time: UInt64? = nil, lifetimeSeconds: UInt64 = 3600
    ) async throws -> [UInt8] {
        let now = time ?? UInt64(Date().timeIntervalSince1970)
        return Array(try await issuer.issue(user: user, device: device, to: to, now: now, lifetimeSeconds: lifetimeSeconds).utf8)
    }

    /// A connection on which HELLO was sent, and what answered it.
    func connect(
        _ user: String, device: String = "phone", isSendOnly: Bool = false, state: PresentedState? = nil
    ) async throws -> (RawClient, ServerFrame.Welcome) {
        let client = try RawClient(port: port)
        let token = try await token(user)
        try client.send {
            ClientFrameWriter.hello(
                isSendOnly: isSendOnly, token: token.span, device: Array(device.utf8).span, user: Array(user.utf8).span, state: state,
                to: &$0)
        }
        return (client, try welcome(client))
    }

    func resume(_ ticket: [UInt8], _ state: PresentedState) throws -> (RawClient, ServerFrame.Welcome) {
        let client = try RawClient(port: port)
        try client.send { ClientFrameWriter.resume(ticket: ticket.span, state: state, to: &$0) }
        return (client, try welcome(client))
    }

    /// A connection on which this HELLO was sent, whatever comes of it.
    func hello(token: [UInt8], device: String = "phone", user: String = "") throws -> RawClient {
        let client = try RawClient(port: port)
        let (device, user) = (Array(device.utf8), Array(user.utf8))
        try client.send {
            ClientFrameWriter.hello(isSendOnly: false, token: token.span, device: device.span, user: user.span, state: nil, to: &$0)
        }
        return client
    }

    private func welcome(_ client: RawClient) throws -> ServerFrame.Welcome {
        let frame = try client.next()
        guard case .welcome(let welcome)? = frame else {
            throw RawClient.Failure(description: "no WELCOME but \(String(describing: frame))")
        }
        // The ticket comes with it.
        guard case .ticket? = try client.nextKeepingTicket() else { throw RawClient.Failure(description: "no TICKET") }
        return welcome
    }
}
