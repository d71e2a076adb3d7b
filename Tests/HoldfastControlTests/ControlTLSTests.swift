import Foundation
import HoldfastGateway
import NIOSSL
import TestTraits
import Testing

@testable import HoldfastControl

@Suite(.takesTurns, .timeLimit(.minutes(10))) struct ControlTLSTests {
    private func client(trusting path: String, hasCertificate: Bool = false) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.trustRoots = .file(path)
        configuration.certificateVerification = .noHostnameVerification
        if hasCertificate {
            let certificate = try NIOSSLCertificate(bytes: Array(ClientCertificate.certificate.utf8), format: .pem)
            configuration.certificateChain = [.certificate(certificate)]
            configuration.privateKey = .privateKey(try NIOSSLPrivateKey(bytes: Array(ClientCertificate.key.utf8), format: .pem))
        }
        return try NIOSSLContext(configuration: configuration)
    }

    private func status(_ address: String, _ context: NIOSSLContext, _ path: String = "/healthz", headers: String = "") async throws -> Int
    {
        let http = try await RawHTTP.connect(to: address, tls: context)
        try await http.send("GET \(path) HTTP/1.1\r\nHost: localhost\r\n\(headers)\r\n")
        return try await http.answer().status
    }

    @Test func `beyond loopback it is TLS with the gateway's certificate, which is read again`() async throws {
        let harness = try await ControlHarness { $0.controlListen = "0.0.0.0:0" }
        let port = try #require(harness.address.split(separator: ":").last)
        let (address, folder) = ("127.0.0.1:\(port)", harness.folder + "/data/tls")
        let old = try client(trusting: folder + "/cert.pem")
        #expect(try await status(address, old) == 200)
        // Plain HTTP is not spoken there.
        await #expect(throws: (any Error).self) { try await RawHTTP.ask(address, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n") }
        // Another gateway's certificate takes the place of this one's.
        let other = try await ControlHarness { $0.controlListen = "0.0.0.0:0" }
        for file in ["/cert.pem", "/key.pem"] {
            try Data(contentsOf: URL(fileURLWithPath: other.folder + "/data/tls" + file)).write(to: URL(fileURLWithPath: folder + file))
        }
        #expect(try await status(address, old) == 200)
        harness.gateway.reloadCertificate()
        #expect(try await status(address, client(trusting: folder + "/cert.pem")) == 200)
        await #expect(throws: (any Error).self) { try await status(address, old) }
        // What is no good leaves the one that is in use.
        try Data("nothing".utf8).write(to: URL(fileURLWithPath: folder + "/key.pem"))
        harness.gateway.reloadCertificate()
        #expect(try await status(address, client(trusting: folder + "/cert.pem")) == 200)
    }

    @Test func `a client certificate can be demanded, in addition to the token`() async throws {
        let authority = FileManager.default.temporaryDirectory.path + "/holdfast-test-\(UUID().uuidString).pem"
        defer { try? FileManager.default.removeItem(atPath: authority) }
        try Data(ClientCertificate.issuer.utf8).write(to: URL(fileURLWithPath: authority))
        let harness = try await ControlHarness { $0.controlClientCA = authority }
        let trusted = harness.folder + "/data/tls/cert.pem"
        await #expect(throws: (any Error).self) { try await status(harness.address, client(trusting: trusted)) }
        let context = try client(trusting: trusted, hasCertificate: true)
        #expect(try await status(harness.address, context) == 200)
        #expect(try await status(harness.address, context, "/v1/build") == 401)
        let token = try await harness.token()
        #expect(try await status(harness.address, context, "/v1/build", headers: "Authorization: Bearer \(token)\r\n") == 200)
    }

    @Test func `files that can't be used stop the start`() async throws {
        let error = await #expect(throws: (any Error).self) { try await ControlHarness { $0.controlClientCA = "/no/such/file" } }
        #expect("\(try #require(error))".contains("/no/such/file"))
    }
}
