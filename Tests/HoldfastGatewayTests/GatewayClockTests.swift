import Foundation
import HoldfastConnection
import HoldfastCore
import HoldfastIO
import HoldfastStorage
import HoldfastWire
import TestTraits
import Testing

@testable import HoldfastGateway

/// What a start with a wrong clock has left behind.
@Suite(.takesTurns, .timeLimit(.minutes(10))) struct GatewayClockTests {
    private static let thirtyYears: UInt64 = 30 * 365 * 86_400
    private var now: UInt64 { UInt64(Date().timeIntervalSince1970) }

    @Test func `a ticket of a clock that was decades ahead opens nothing for decades`() async throws {
        let gateway = try await TestGateway()
        let (client, welcome) = try await gateway.connect("alice")
        client.disconnect()
        let text = try String(contentsOfFile: gateway.data + "/data/ticket-keys", encoding: .utf8)
        let sealer = TicketSealer(try #require(TicketKeys(fileText: text)))
        let state = PresentedState(session: welcome.session, attach: welcome.attach, position: welcome.cursor, lastSequence: .none)
        let back = try RawClient(port: gateway.port)
        let sealed = sealer.seal(Ticket(session: welcome.session, expires: UInt32(now + Self.thirtyYears), flags: []))
        try back.send { ClientFrameWriter.resume(ticket: sealed.span, state: state, to: &$0) }
        #expect(try back.closeCode() == .ticketExpired)
        _ = try gateway.resume(try #require(client.ticket), state)
        await gateway.stop()
    }

    @Test func `a directory whose time is decades ahead starts with the clock's`() async throws {
        let gateway = try await TestGateway()
        _ = try await gateway.connect("alice")
        await gateway.stop()
        try setStoredTime((now + Self.thirtyYears) * 1000, data: gateway.data + "/data")
        try await gateway.restart()
        let (_, welcome) = try await gateway.connect("alice")
        #expect(welcome.serverTime / 1000 <= now)
        await gateway.stop()
    }

    private func setStoredTime(_ milliseconds: UInt64, data: String) throws {
        let storage = try LMDBStorage.open(directory: data, configuration: StorageConfiguration(), isIntact: { Record.isIntact($1) })
        try storage.checkpoint { (store) throws(StorageError) in
            let bytes = (0..<8).map { UInt8(truncatingIfNeeded: milliseconds >> UInt64(56 - 8 * $0)) }
            try store.put(.meta, Array("time".utf8).span, bytes.span)
        }
        #expect(try Core.storedTime(storage) == milliseconds)
    }

    @Test func `a self-signed certificate of a wrong clock is made anew, one that is good stays`() async throws {
        let gateway = try await TestGateway { $0.tlsListen = ["127.0.0.1:0"] }
        let path = gateway.data + "/data/tls/cert.pem"
        let first = try String(contentsOfFile: path, encoding: .utf8)
        try await gateway.restart()
        #expect(try String(contentsOfFile: path, encoding: .utf8) == first)
        await gateway.stop()
        for validity in [Int64(now + Self.thirtyYears)...Int64(now + 2 * Self.thirtyYears), 0...86_400] {
            let made = try makeSelfSignedCertificate(names: ["localhost"], validity: validity)
            try Data(made.certificatePEM.utf8).write(to: URL(fileURLWithPath: path))
            try Data(made.keyPEM.utf8).write(to: URL(fileURLWithPath: gateway.data + "/data/tls/key.pem"))
            try await gateway.restart()
            #expect(CertificateTimes(ofFile: path)?.state(at: now) == .good)
            let address = try SocketAddress(parsing: "127.0.0.1:\(gateway.tlsPort)")
            let token = try await gateway.token("alice")
            let outcome = try await TLSProbe.run(address: address, certificate: path, serverName: "localhost", token: token)
            guard case .welcome = outcome else { throw RawClient.Failure(description: "\(outcome)") }
            await gateway.stop()
        }
    }
}
