import Foundation
import HoldfastGateway
import NIOCore
import TestTraits
import Testing

@testable import HoldfastControl

@Suite(.takesTurns, .timeLimit(.minutes(10))) struct UploadTests {
    private static let type = "application/x-ndjson"

    private func lines(_ answer: RawHTTP.Answer) -> [[String: Any]] {
        answer.body.split(separator: "\n").map { (try? JSONSerialization.jsonObject(with: Data($0.utf8))) as? [String: Any] ?? [:] }
    }

    private func message(_ number: Int) -> String { "{\"to\":\"alice\",\"text\":\"line \(number)\"}\n" }

    @Test func `each line is answered, and the upload goes on where it ended`() async throws {
        let harness = try await ControlHarness()
        let first = try await harness.post("/v1/messages:stream", message(1) + "\n \r\n" + message(2), key: "u/1", type: Self.type)
        #expect(first.status == 200, "\(first.body)")
        #expect(first.headers["content-type"] == Self.type)
        #expect(lines(first).map { $0["line"] as? Int } == [1, 2])
        let positions = lines(first).compactMap { ($0["position"] as? String).flatMap { UInt64($0) } }
        #expect(positions.count == 2 && positions[0] < positions[1])
        let state = try await harness.ask("GET", "/v1/uploads/u%2F1", role: .service)
        #expect(state.json["lines"] as? Int == 2, "\(state.body)")
        #expect(state.json["position"] as? String == String(positions[1]))
        for gap in ["", "?firstLine=1", "?firstLine=2", "?firstLine=4"] {
            let answer = try await harness.post("/v1/messages:stream\(gap)", message(9), key: "u/1", type: Self.type)
            #expect(answer.status == 409, "\(gap)")
            #expect(answer.kind == "uploadGap")
        }
        // The last line needs no end.
        let next = try await harness.post("/v1/messages:stream?firstLine=3", #"{"to":"alice","text":"3"}"#, key: "u/1", type: Self.type)
        #expect(lines(next).map { $0["line"] as? Int } == [3])
        #expect(try await harness.ask("GET", "/v1/uploads/u%2F1").json["lines"] as? Int == 3)
        #expect(try await harness.ask("GET", "/v1/uploads/other").kind == "unknownKey")
        #expect(try await harness.post("/v1/messages:stream?firstLine=0", "", key: "k", type: Self.type).kind == "invalidParameter")
    }

    @Test func `a line that is refused ends the upload, and what was before it stays`() async throws {
        let harness = try await ControlHarness()
        let answer = try await harness.post(
            "/v1/messages:stream", message(1) + "{\"to\":5,\"text\":\"\"}\n" + message(3), key: "k", type: Self.type,
            headers: "Request-Id: r1\r\n")
        let all = lines(answer)
        #expect(all.map { $0["line"] as? Int } == [1, 2])
        let problem = try #require(all.last?["problem"] as? [String: Any])
        #expect(problem["pointer"] as? String == "/to")
        #expect(problem["requestId"] as? String == "r1")
        #expect(try await harness.ask("GET", "/v1/uploads/k").json["lines"] as? Int == 1)
    }

    @Test func `keys of messages and of uploads are told apart`() async throws {
        let harness = try await ControlHarness()
        _ = try await harness.post("/v1/messages", #"{"to":"alice","text":"a"}"#, key: "m")
        #expect(try await harness.post("/v1/messages:stream", message(1), key: "m", type: Self.type).kind == "keyReused")
        #expect(try await harness.ask("GET", "/v1/uploads/m").kind == "unknownKey")
        _ = try await harness.post("/v1/messages:stream", message(1), key: "u", type: Self.type)
        #expect(try await harness.post("/v1/messages", #"{"to":"alice","text":"a"}"#, key: "u").kind == "keyReused")
    }

    @Test func `a long upload is answered in its order while it comes`() async throws {
        let harness = try await ControlHarness()
        let count = 3_000
        let token = try await harness.token()
        let http = try await RawHTTP.connect(to: harness.address)
        try await http.send(
            "POST /v1/messages:stream HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(token)\r\nContent-Type: \(Self.type)\r\n"
                + "Idempotency-Key: \"long\"\r\nTransfer-Encoding: chunked\r\n\r\n")
        // Chunks that end anywhere in a line.
        let bytes = Array((1...count).map { message($0) }.joined().utf8)
        var offset = 0
        while offset < bytes.count {
            let part = bytes[offset..<min(bytes.count, offset + 1_001)]
            try await http.send(Array("\(String(part.count, radix: 16))\r\n".utf8) + part + Array("\r\n".utf8))
            offset += part.count
        }
        try await http.send("0\r\n\r\n")
        let answer = try await http.answer()
        #expect(lines(answer).map { $0["line"] as? Int } == Array(1...count))
        #expect(lines(answer).allSatisfy { $0["position"] != nil })
        #expect(try await harness.ask("GET", "/v1/uploads/long").json["lines"] as? Int == count)
        let user = try await harness.ask("GET", "/v1/users/alice").json
        #expect((user["inbox"] as? [String: Any])?["messages"] as? Int == count)
    }

    @Test func `lines are found in bytes that come in any pieces`() throws {
        let text = "a\n\n \r\nbc\r\nd"
        for size in 1...text.utf8.count {
            var lines = UploadLines(bytesMax: 3)
            var found: [String] = []
            var rest = Array(text.utf8)[...]
            while !rest.isEmpty {
                lines.append(ByteBuffer(bytes: rest.prefix(size)))
                rest = rest.dropFirst(size)
                while let line = try lines.next() { found.append(String(decoding: line, as: UTF8.self)) }
            }
            if let line = lines.last() { found.append(String(decoding: line, as: UTF8.self)) }
            #expect(found == ["a", "bc\r", "d"])
        }
        var lines = UploadLines(bytesMax: 3)
        lines.append(ByteBuffer(string: "abcd"))
        #expect(throws: Problem.self) { try lines.next() }
    }

    @Test func `the window lets in what is given back`() async {
        let window = UploadWindow(lines: 4, bytes: 10)
        #expect(await window.take(lines: 3, bytes: 4))
        #expect(await window.take(lines: 1, bytes: 1))
        #expect(window.release(lines: 3, bytes: 4) == 1)
        #expect(window.release(lines: 1, bytes: 1) == 0)
        // Longer than everything: it takes all of what is left when nothing else is there.
        #expect(await window.take(lines: 2, bytes: 100))
        async let waiting = window.take(lines: 1, bytes: 1)
        #expect(window.release(lines: 2, bytes: 100) <= 1)
        #expect(await waiting)
        window.close()
        #expect(await !window.take(lines: 1, bytes: 1))
    }
}
