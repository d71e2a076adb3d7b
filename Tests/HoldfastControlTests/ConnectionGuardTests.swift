import NIOCore
import TestTraits
import Testing

@testable import HoldfastControl

/// Clients that are slow, stuck, or flood.
@Suite(.takesTurns, .timeLimit(.minutes(10))) struct ConnectionGuardTests {
    private func harness(_ change: (inout ControlLimits) -> Void) async throws -> ControlHarness {
        var limits = ControlLimits()
        limits.lingerTime = .milliseconds(500)
        change(&limits)
        return try await ControlHarness(limits: limits)
    }

    @Test func `a head that doesn't come ends its connection`() async throws {
        let harness = try await harness { $0.headTime = .milliseconds(20) }
        let silent = try await RawHTTP.connect(to: harness.address)
        #expect(await silent.untilEnd() == "")
        let slow = try await RawHTTP.connect(to: harness.address)
        try await slow.send("GET /healthz HTTP/1.1\r\nHost: local")
        #expect(await slow.untilEnd() == "")
    }

    @Test func `a connection without a further request ends`() async throws {
        let harness = try await harness { $0.idleTime = .milliseconds(20) }
        let http = try await RawHTTP.connect(to: harness.address)
        try await http.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /hea")
        #expect(try await http.answer().status == 200)
        #expect(await http.untilEnd() == "")
    }

    @Test func `a flood of headers and a request line without end are refused`() async throws {
        let harness = try await harness { _ in }
        let floods = [
            "GET /healthz HTTP/1.1\r\nHost: localhost\r\n" + String(repeating: "A: b\r\n", count: 200) + "\r\n",
            "GET /healthz HTTP/1.1\r\nHost: localhost\r\nA: " + String(repeating: "b", count: 20_000) + "\r\n\r\n",
            "GET /" + String(repeating: "a", count: 300_000),
        ]
        for flood in floods {
            let http = try await RawHTTP.connect(to: harness.address)
            // The server may close before all is sent.
            try? await http.send(flood)
            let answer = try await http.answer()
            #expect(answer.status == 431)
            #expect(answer.kind == "headTooLarge")
            #expect(answer.headers["connection"] == "close")
            #expect(answer.headers["request-id"] != nil)
            #expect(await http.untilEnd() == "")
        }
    }

    @Test func `what isn't HTTP is answered with a problem`() async throws {
        let harness = try await harness { _ in }
        for text in ["hello\r\n\r\n", "GET /healthz HTTP/1.1\r\nHost : localhost\r\n\r\n", "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\r\n\r\n"] {
            let http = try await RawHTTP.connect(to: harness.address)
            try await http.send(text)
            let answer = try await http.answer()
            #expect(answer.status == 400)
            #expect(answer.kind == "malformedRequest")
            #expect(await http.untilEnd() == "")
        }
    }

    @Test func `a body that isn't wanted and never ends ends its connection`() async throws {
        let harness = try await harness { _ in }
        let http = try await RawHTTP.connect(to: harness.address)
        try await http.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        let answer = try await http.answer()
        #expect(answer.status == 400)
        #expect(answer.headers["connection"] == "close")
        #expect(await http.untilEnd() == "")
    }

    @Test func `requests that come at once are answered in their order`() async throws {
        let harness = try await harness { _ in }
        let http = try await RawHTTP.connect(to: harness.address)
        let count = 300
        try await http.send((0..<count).map { "GET /healthz HTTP/1.1\r\nHost: localhost\r\nRequest-Id: n\($0)\r\n\r\n" }.joined())
        for index in 0..<count { #expect(try await http.answer().headers["request-id"] == "n\(index)") }
    }

    @Test func `connections beyond the bound wait, and others are served when one goes`() async throws {
        let harness = try await harness {
            $0.connectionsMax = 1
            // Enough for a request on a machine that has much else to do.
            $0.headTime = .seconds(4)
        }
        let idle = try await RawHTTP.connect(to: harness.address)
        // It waits until the idle one's time is over.
        #expect(try await harness.get("/healthz").status == 200)
        #expect(await idle.untilEnd() == "")
    }

    @Test func `an answer that isn't taken ends its connection`() async throws {
        let harness = try await harness { $0.stallTime = .milliseconds(50) }
        let http = try await RawHTTP.connect(to: harness.address, autoRead: false)
        let request = "GET /openapi.yaml HTTP/1.1\r\nHost: localhost\r\n\r\n"
        // Until the system's buffers are full, and the server's.
        let sender = Task { for _ in 0..<100_000 { try await http.send(request) } }
        await #expect(throws: (any Error).self) { try await sender.value }
    }
}
