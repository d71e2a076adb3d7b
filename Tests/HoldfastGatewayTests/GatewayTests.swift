import Foundation
import HoldfastCore
import HoldfastWire
import TestTraits
import Testing

@testable import HoldfastGateway

/// The whole gateway in this process, over loopback.
@Suite(.takesTurns, .timeLimit(.minutes(10))) struct GatewayTests {
    // REQ-CONV-2, REQ-CONV-3, REQ-STREAM-2, REQ-SEQ-3
    @Test func `a message to somebody offline waits for him, and is acknowledged once it is stored`() async throws {
        let gateway = try await TestGateway()
        let (alice, welcome) = try await gateway.connect("alice")
        #expect(welcome.outcome == .begun)
        #expect(welcome.lastSequence == .none)
        try alice.sendTo("bob", "hi", 1)
        let first = try alice.next()
        guard case .conversation(let number, .oneToOne, let peer)? = first else { throw Unexpected(first) }
        #expect(alice.text(peer) == "bob")
        #expect(try alice.waitForSent(1))

        let (bob, _) = try await gateway.connect("bob")
        let messages = try bob.receive(1)
        #expect(messages.map(\.text) == ["hi"])
        #expect(messages.map(\.conversation) == [number])
        alice.disconnect()
        bob.disconnect()
        #expect(await gateway.stop() == 0)
    }

    // REQ-OPERATION-2, REQ-HEAD-2, REQ-SEQ-5, REQ-ATTACH-9, REQ-ASK-2
    @Test func `what the gateway doesn't understand is refused in its turn, and what follows goes on under its number`() async throws {
        let gateway = try await TestGateway()
        let (alice, welcome) = try await gateway.connect("alice")
        let (bob, _) = try await gateway.connect("bob")
        let fields: [UInt8] = [7, 0]
        let (name, body) = (Array("bob".utf8), Array("two".utf8))
        func refused() throws -> UInt8 {
            while let frame = try alice.next() {
                guard case .refused(let refused) = frame else { continue }
                #expect(refused.code == .kindUnsupported && refused.retryAfterMilliseconds == 0)
                return refused.sequence.rawValue
            }
            throw Unexpected(nil)
        }
        try alice.sendTo("bob", "one", 1)
        try alice.send {
            ClientFrameWriter.operation(.init(rawValue: 2), kind: 1, fields: fields.span, to: &$0)
            ClientFrameWriter.sendToHeaded(
                .init(rawValue: 3), kind: .text, user: name.span, headFlags: 0, fields: fields.span, body: body.span, to: &$0)
        }
        #expect(try refused() == 2)
        try alice.send {
            ClientFrameWriter.sendToHeaded(
                .init(rawValue: 2), kind: .text, user: name.span, headFlags: 0, fields: fields.span, body: body.span, to: &$0)
        }
        #expect(try refused() == 2)
        try alice.send {
            ClientFrameWriter.sendToHeaded(
                .init(rawValue: 2), kind: .text, user: name.span, headFlags: 1, fields: [2, 0].span, body: body.span, to: &$0)
            ClientFrameWriter.question(request: 9, kind: 3, fields: [UInt8]().span, to: &$0)
        }
        #expect(try alice.waitForSent(2))
        #expect(try bob.receive(2).map(\.text) == ["one", "two"])
        alice.disconnect()
        // The two refusals have raised the attach of what was stored last: a state from before them shows.
        let stale = PresentedState(
            session: welcome.session, attach: .init(rawValue: welcome.attach.rawValue + 1), position: welcome.cursor,
            lastSequence: .init(rawValue: 1))
        let (again, answer) = try await gateway.connect("alice", state: stale)
        #expect(answer.outcome == .rewound)
        again.disconnect()
        bob.disconnect()
        await gateway.stop()
    }

    // REQ-STREAM-1, REQ-STREAM-4, REQ-STREAM-7, REQ-CONV-4
    @Test func `live messages come in order, and what was acknowledged doesn't come again`() async throws {
        let gateway = try await TestGateway()
        let (bob, _) = try await gateway.connect("bob")
        let (alice, _) = try await gateway.connect("alice")
        for sequence in UInt64(1)...100 { try alice.sendTo("bob", "message \(sequence)", sequence) }
        let messages = try bob.receive(100)
        #expect(messages.map(\.text) == (1...100).map { "message \($0)" })
        try bob.send { ClientFrameWriter.acknowledge(messages[59].position, to: &$0) }
        // An answer to a later command shows that the acknowledgement was taken.
        try bob.send { ClientFrameWriter.lookup(.init(rawValue: messages[0].conversation.rawValue), to: &$0) }
        while let frame = try bob.next() { if case .conversation = frame { break } }
        bob.disconnect()
        let (again, _) = try await gateway.connect("bob")
        #expect(try again.receive(40).map(\.text) == (61...100).map { "message \($0)" })
        alice.disconnect()
        again.disconnect()
        await gateway.stop()
    }

    // REQ-SEQ-3, REQ-OPEN-5, REQ-ATTACH-1
    @Test func `what was acknowledged to the sender is there after a restart, and tickets stay good`() async throws {
        let gateway = try await TestGateway()
        let (alice, welcome) = try await gateway.connect("alice")
        for sequence in UInt64(1)...500 { try alice.sendTo("bob", "\(sequence)", sequence, awaitingRoom: true) }
        #expect(try alice.waitForSent(500))
        alice.disconnect()
        try await gateway.restart()
        let state = PresentedState(
            session: welcome.session, attach: welcome.attach, position: welcome.cursor, lastSequence: .init(rawValue: 0))
        let ticket = try #require(alice.ticket)
        let (back, resumed) = try gateway.resume(ticket, state)
        #expect(resumed.outcome == .resumed)
        #expect(resumed.session == welcome.session)
        #expect(resumed.attach > welcome.attach)
        #expect(resumed.lastSequence.rawValue == 500)
        let (bob, _) = try await gateway.connect("bob")
        #expect(try bob.receive(500).map(\.text) == (1...500).map { "\($0)" })
        back.disconnect()
        bob.disconnect()
        await gateway.stop()
    }

    // REQ-ATTACH-2
    @Test func `a newer connection of a session closes the older`() async throws {
        let gateway = try await TestGateway()
        let (old, welcome) = try await gateway.connect("alice")
        let state = PresentedState(session: welcome.session, attach: welcome.attach, position: welcome.cursor, lastSequence: .none)
        let (new, _) = try gateway.resume(try #require(old.ticket), state)
        #expect(try old.closeCode() == .fenced)
        try new.send { ClientFrameWriter.ping(to: &$0) }
        #expect(try new.next() == .pong)
        new.disconnect()
        await gateway.stop()
    }

    // REQ-SEQ-1, REQ-SEQ-4
    @Test func `a message that is sent again is stored once`() async throws {
        let gateway = try await TestGateway()
        let (alice, welcome) = try await gateway.connect("alice")
        try alice.sendTo("bob", "once", 1)
        #expect(try alice.waitForSent(1))
        let state = PresentedState(session: welcome.session, attach: welcome.attach, position: welcome.cursor, lastSequence: .none)
        let (again, _) = try gateway.resume(try #require(alice.ticket), state)
        try again.sendTo("bob", "once", 1)
        #expect(try again.waitForSent(1))
        try again.sendTo("bob", "last", 2)
        let (bob, _) = try await gateway.connect("bob")
        #expect(try bob.receive(2).map(\.text) == ["once", "last"])
        again.disconnect()
        bob.disconnect()
        await gateway.stop()
    }

    @Test func `few credits make a fast sender wait, and nothing else`() async throws {
        let gateway = try await TestGateway {
            $0.loops = 1
            $0.commandsPerLoopMax = 16
        }
        let (alice, _) = try await gateway.connect("alice")
        for sequence in UInt64(1)...1000 { try alice.sendTo("bob", "\(sequence)", sequence, awaitingRoom: true) }
        #expect(try alice.waitForSent(1000))
        let (bob, _) = try await gateway.connect("bob")
        #expect(try bob.receive(1000).map(\.text) == (1...1000).map { "\($0)" })
        alice.disconnect()
        bob.disconnect()
        await gateway.stop()
    }

    // REQ-SEC-5
    @Test func `one client's nonsense is its own trouble`() async throws {
        let gateway = try await TestGateway()
        let (alice, _) = try await gateway.connect("alice")
        let (mallory, _) = try await gateway.connect("mallory")
        try mallory.send { $0 += [0x00] }
        #expect(try mallory.closeCode() == .malformedFrame)
        let http = try RawClient(port: gateway.port, sendsPreface: false)
        try http.send { $0 += Array("GET / HTTP/1.1\r\n\r\n".utf8) }
        #expect(try http.closeCode() == .badPreface)
        try alice.send { ClientFrameWriter.ping(to: &$0) }
        #expect(try alice.next() == .pong)
        alice.disconnect()
        await gateway.stop()
    }
}
