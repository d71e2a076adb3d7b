import HoldfastCore
import HoldfastWire
import Testing

@testable import HoldfastGateway

/// The whole gateway in this process, over loopback.
@Suite(.timeLimit(.minutes(2))) struct GatewayTests {
    @Test func `a message to somebody offline waits for him, and is acknowledged once it is stored`() async throws {
        let gateway = try await TestGateway()
        let (alice, welcome) = try await gateway.connect("alice")
        #expect(welcome.outcome == .begun)
        #expect(welcome.lastSequence == .none)
        try alice.send {
            ClientFrameWriter.sendTo(
                .init(rawValue: 1), kind: .text, user: [UInt8]("bob".utf8).span, body: [UInt8]("hi".utf8).span, to: &$0)
        }
        let first = try alice.next()
        guard case .conversation(let number, .oneToOne, let peer)? = first else { throw Unexpected(first) }
        #expect(alice.text(peer) == "bob")
        let second = try nextBesidesSkip(alice)
        guard case .sent(let through, _)? = second else { throw Unexpected(second) }
        #expect(through.rawValue == 1)

        let (bob, _) = try await gateway.connect("bob")
        let third = try bob.next()
        guard case .deliver(let deliver)? = third else { throw Unexpected(third) }
        #expect(deliver.conversation == number)
        var entries = DeliverEntries(deliver)
        let entry = try #require(try entries.next(in: bob.bytes.span))
        #expect(bob.text(entry.body) == "hi")
        #expect(await gateway.stop() == 0)
    }

    /// A frame that the test didn't expect.
    struct Unexpected: Error, CustomStringConvertible {
        var description: String
        init(_ frame: ServerFrame?) { description = "unexpected: \(String(describing: frame))" }
    }

    private func nextBesidesSkip(_ client: RawClient) throws -> ServerFrame? {
        while let frame = try client.next() {
            if case .skip = frame { continue }
            return frame
        }
        return nil
    }
}
