import Foundation
import HoldfastGateway
import Logging

@testable import HoldfastControl

/// A gateway with its control server, in the test's process and a folder of its own.
final class ControlHarness: Sendable {
    let folder: String
    let gateway: Gateway
    let server: ControlServer
    let bound: BoundControl
    /// The address for phones.
    let phones: String?
    private let issuer: TokenIssuer

    private static let secret = [UInt8]("a secret of tests, long enough for sure".utf8)

    init(limits: ControlLimits = ControlLimits(), _ change: (inout Configuration) -> Void = { _ in }) async throws {
        folder = FileManager.default.temporaryDirectory.path + "/holdfast-test-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        var configuration = Configuration()
        configuration.data = folder + "/data"
        configuration.listen = ["127.0.0.1:0"]
        configuration.tlsListen = []
        configuration.loops = 1
        configuration.drainSeconds = 0
        configuration.storageBytesMax = 1 << 30
        configuration.reserveBytes = 16 << 20
        configuration.controlListen = "127.0.0.1:0"
        configuration.tokenSecretFile = folder + "/secret"
        try Data(Self.secret).write(to: URL(fileURLWithPath: configuration.tokenSecretFile))
        change(&configuration)
        issuer = try await TokenIssuer(secret: Self.secret)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let gateway = Gateway(configuration: configuration, logger: logger)
        self.gateway = gateway
        phones = try await gateway.start().tcp.first.map { "\($0)" }
        server = ControlServer(gateway: gateway, configuration: configuration, limits: limits, logger: logger)
        do { bound = try await server.start() } catch {
            gateway.beginDrain()
            _ = await gateway.waitUntilStopped()
            throw error
        }
    }

    deinit {
        gateway.beginDrain()
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// Stops in order.
    @discardableResult
    func stop() async -> Int32 {
        gateway.beginDrain()
        let code = await gateway.waitUntilStopped()
        // On a machine that has much else to do, the gateway doesn't wait until the server's sockets are gone.
        await server.stop()
        return code
    }

    var address: String { bound.control ?? "" }

    func token(
        _ user: String = "backend", role: TokenRole = .service, scopes: TokenScopes = .everything, to: [String]? = nil,
        lifetimeSeconds: UInt64 = 3600, at time: UInt64? = nil
    ) async throws -> String {
        let now = time ?? UInt64(Date().timeIntervalSince1970)
        return try await issuer.issue(user: user, role: role, scopes: scopes, to: to, now: now, lifetimeSeconds: lifetimeSeconds)
    }

    /// A request with a token; a body needs its headers.
    func ask(
        _ method: String, _ path: String, role: TokenRole = .operator, scopes: TokenScopes = .everything, headers: String = "",
        body: String = ""
    ) async throws -> RawHTTP.Answer {
        let token = try await token(role: role, scopes: scopes)
        return try await RawHTTP.ask(
            address, "\(method) \(path) HTTP/1.1\r\nHost: \(address)\r\nAuthorization: Bearer \(token)\r\n\(headers)\r\n\(body)")
    }

    /// A request with a body, with a token.
    func post(
        _ path: String, _ body: String, key: String? = nil, type: String = "application/json", scopes: TokenScopes = .everything,
        user: String = "backend", to: [String]? = nil, headers: String = ""
    ) async throws -> RawHTTP.Answer {
        let token = try await token(user, scopes: scopes, to: to)
        let key = key.map { "Idempotency-Key: \"\($0)\"\r\n" } ?? ""
        return try await RawHTTP.ask(
            address,
            "POST \(path) HTTP/1.1\r\nHost: \(address)\r\nAuthorization: Bearer \(token)\r\nContent-Type: \(type)\r\n"
                + "Content-Length: \(body.utf8.count)\r\n\(key)\(headers)\r\n\(body)")
    }

    /// A request without body and token.
    func get(_ path: String, headers: String = "") async throws -> RawHTTP.Answer {
        try await RawHTTP.ask(address, "GET \(path) HTTP/1.1\r\nHost: \(address)\r\n\(headers)\r\n")
    }
}
