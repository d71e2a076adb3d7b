import HoldfastGateway
import HoldfastWire
import TestTraits
import Testing

@testable import HoldfastControl

@Suite(.takesTurns, .timeLimit(.minutes(10))) struct MessageTests {
    @Test func `a message is stored once, and a repeat is answered the same`() async throws {
        let harness = try await ControlHarness()
        let body = #"{"to":["alice","bob"],"text":"Your order is on its way.","tag":"order-17","tracked":true,"ttlSeconds":3600}"#
        let first = try await harness.post("/v1/messages", body, key: "order-17")
        #expect(first.status == 200, "\(first.body)")
        let position = try #require(first.json["position"] as? String)
        #expect(UInt64(position) != nil)
        #expect(first.json["replayed"] as? Bool == false)
        let recipients = try #require(first.json["recipients"] as? [[String: String]])
        #expect(recipients == [["user": "alice", "position": position], ["user": "bob", "position": position]])
        let kept = try #require(first.json["keyKeptUntil"] as? String)
        #expect(Timestamp.milliseconds(kept) != nil)
        let again = try await harness.post("/v1/messages", body, key: "order-17")
        #expect(again.json["replayed"] as? Bool == true)
        #expect(again.json["position"] as? String == position)
        #expect(again.json["recipients"] as? [[String: String]] == recipients)
        // Another request, another user's key, and no key.
        let other = try await harness.post("/v1/messages", #"{"to":"alice","text":"Another."}"#, key: "order-17")
        #expect(other.status == 422)
        #expect(other.kind == "keyReused")
        #expect(try await harness.post("/v1/messages", body, key: "order-17", user: "shop").json["replayed"] as? Bool == false)
        let missing = try await harness.post("/v1/messages", body)
        #expect(missing.status == 400)
        #expect(missing.kind == "keyMissing")
        for bad in ["order", "\"a", "\"\"", "\"a\";b", "'a'", "\"a\", \"b\"", "\"\(String(repeating: "a", count: 256))\"", "\"é\""] {
            let answer = try await harness.post("/v1/messages", body, headers: "Idempotency-Key: \(bad)\r\n")
            #expect(answer.kind == "keyMalformed", "\(bad)")
        }
    }

    @Test func `what became of a message is told`() async throws {
        let harness = try await ControlHarness()
        let pushed = try await harness.post(
            "/v1/messages", #"{"to":["alice"],"base64":"AAEC/w==","kind":"custom","tag":"t"}"#, key: "k")
        let position = try #require(pushed.json["position"] as? String)
        let status = try await harness.ask("GET", "/v1/messages/\(position)").json
        #expect(status["kind"] as? String == "custom")
        #expect(status["from"] as? String == "backend")
        #expect(status["tag"] as? String == "t")
        #expect(status["expired"] as? Bool == false)
        let recipients = try #require(status["recipients"] as? [[String: Any]])
        #expect(recipients.first?["user"] as? String == "alice")
        #expect(recipients.first?["state"] as? String == "waiting")
        #expect(try await harness.ask("GET", "/v1/messages/999999").kind == "unknownMessage")
        for bad in ["0x1", "-1", "01", "18446744073709551616", "a", "%20"] {
            #expect(try await harness.ask("GET", "/v1/messages/\(bad)").kind == "invalidParameter", "\(bad)")
        }
    }

    @Test func `a recipient who must exist and doesn't is refused, and the others get it`() async throws {
        let harness = try await ControlHarness()
        _ = try await harness.post("/v1/messages", #"{"to":"alice","text":"a"}"#, key: "1")
        let answer = try await harness.post("/v1/messages", #"{"to":["nobody","alice"],"text":"a","mustExist":true}"#, key: "2")
        let recipients = try #require(answer.json["recipients"] as? [[String: String]])
        #expect(recipients[0] == ["user": "nobody", "refusal": "invalidRecipient"])
        #expect(recipients[1]["position"] == answer.json["position"] as? String)
    }

    /// Each: the body, and the pointer of the field that is at fault.
    @Test(arguments: [
        ("{}", "/to"), (#"{"to":"a"}"#, "/text"), (#"{"to":"a","text":"x","base64":""}"#, "/base64"), (#"{"to":[],"text":""}"#, "/to"),
        (#"{"to":["a","a"],"text":""}"#, "/to/1"), (#"{"to":[""],"text":""}"#, "/to/0"), (#"{"to":"","text":""}"#, "/to"),
        (#"{"to":5,"text":""}"#, "/to"), (#"{"to":["a",null],"text":""}"#, "/to/1"), (#"{"to":"a\u0000","text":""}"#, "/to"),
        (#"{"to":"a","text":"","kind":"fax"}"#, "/kind"), (#"{"to":"a","base64":"AAE"}"#, "/base64"),
        (#"{"to":"a","base64":"A_-="}"#, "/base64"),
        (#"{"to":"a","text":"","ttlSeconds":0}"#, "/ttlSeconds"), (#"{"to":"a","text":"","ttlSeconds":315360001}"#, "/ttlSeconds"),
        (#"{"to":"a","text":"","tag":""}"#, "/tag"), (#"{"to":"a","text":"","tracked":1}"#, "/tracked"),
        (#"{"to":"a","text":"","mustExist":"yes"}"#, "/mustExist"), (#"{"to":"a","text":"","as":""}"#, "/as"),
        (#"{"to":"a","text":"","ttl":5}"#, "/ttl"), ("[]", ""), ("null", ""),
    ])
    func `a field that isn't as it should be is named`(_ body: String, _ pointer: String) throws {
        let caller = Caller(user: "backend", name: "backend", scopes: .everything)
        let problem = #expect(throws: Problem.self) { try MessageFields(Array(body.utf8), from: caller, bodyBytesMax: 100) }
        #expect(problem?.kind == .invalidField)
        #expect(problem?.pointer == pointer)
    }

    @Test func `limits of bodies and recipients are exact`() throws {
        let caller = Caller(user: "backend", name: "backend", scopes: .everything)
        func message(_ body: String) throws(Problem) -> MessageFields { try MessageFields(Array(body.utf8), from: caller, bodyBytesMax: 4) }
        #expect(try message(#"{"to":"a","text":"é12"}"#).request.body.count == 4)
        #expect(throws: Problem.self) { try message(#"{"to":"a","text":"é123"}"#) }
        #expect(try message(#"{"to":"a","base64":"AAECAw=="}"#).request.body == [0, 1, 2, 3])
        #expect(throws: Problem.self) { try message(#"{"to":"a","base64":"AAECAwQ="}"#) }
        func names(_ count: Int) -> String { "{\"to\":[\((0..<count).map { "\"u\($0)\"" }.joined(separator: ","))],\"text\":\"\"}" }
        #expect(try message(names(1_000)).request.recipients.count == 1_000)
        #expect(throws: Problem.self) { try message(names(1_001)) }
    }

    @Test func `names that look alike and have other bytes are other users`() throws {
        let caller = Caller(user: "caf\u{E9}", name: "backend", scopes: [.push])
        func message(_ body: String) throws(Problem) -> MessageFields { try MessageFields(Array(body.utf8), from: caller, bodyBytesMax: 4) }
        #expect(try message(#"{"as":"caf\u00e9","to":["\u212a","K"],"text":""}"#).request.recipients.count == 2)
        let problem = #expect(throws: Problem.self) { try message(#"{"as":"cafe\u0301","to":"a","text":""}"#) }
        #expect(problem?.kind == .scopeMissing)
    }

    @Test func `every field counts for the fingerprint, and the form of the body doesn't`() throws {
        let caller = Caller(user: "backend", name: "backend", scopes: .everything)
        func fingerprint(_ body: String) throws -> UInt64 {
            try MessageFields(Array(body.utf8), from: caller, bodyBytesMax: 100).fingerprint
        }
        let same = [
            #"{"to":"a","text":"hi"}"#, #" {"text":"hi", "to":["a"]}"#, #"{"to":"a","base64":"aGk=","kind":"text","as":"backend"}"#,
        ]
        #expect(Set(try same.map(fingerprint)).count == 1)
        let different = [
            #"{"to":"a","text":"hi"}"#, #"{"to":"b","text":"hi"}"#, #"{"to":["a","b"],"text":"hi"}"#, #"{"to":["b","a"],"text":"hi"}"#,
            #"{"to":"a","text":"ho"}"#, #"{"to":"a","text":"hi","tag":"t"}"#, #"{"to":"a","text":"hi","ttlSeconds":1}"#,
            #"{"to":"a","text":"hi","tracked":true}"#, #"{"to":"a","text":"hi","mustExist":true}"#,
            #"{"to":"a","text":"hi","kind":"file"}"#,
            #"{"to":"a","text":"hi","as":"b"}"#,
        ]
        #expect(Set(try different.map(fingerprint)).count == different.count)
    }

    @Test func `scopes and the claim to limit who sends to whom`() async throws {
        let harness = try await ControlHarness()
        let asOther = #"{"to":"alice","text":"a","as":"shop"}"#
        let refused = try await harness.post("/v1/messages", asOther, key: "1", scopes: [.push])
        #expect(refused.status == 403)
        #expect(refused.kind == "scopeMissing")
        #expect(try await harness.post("/v1/messages", asOther, key: "1", scopes: [.push, .pushAs]).status == 200)
        #expect(
            try await harness.post("/v1/messages", #"{"to":"alice","text":"a","as":"backend"}"#, key: "2", scopes: [.push]).status == 200)
        #expect(try await harness.post("/v1/messages", #"{"to":"alice","text":"a"}"#, key: "3", scopes: [.read]).kind == "scopeMissing")
        let limited = try await harness.post("/v1/messages", #"{"to":["shop-1","bob"],"text":"a"}"#, key: "4", to: ["shop-*", "alice"])
        #expect(limited.kind == "recipientForbidden")
        #expect(limited.json["pointer"] as? String == "/to/1")
        #expect(
            try await harness.post("/v1/messages", #"{"to":["shop-1","alice"],"text":"a"}"#, key: "4", to: ["shop-*", "alice"]).status
                == 200)
    }

    @Test func `a process at the socket names the sender`() async throws {
        let harness = try await ControlHarness()
        let http = try await RawHTTP.connect(toSocket: try #require(harness.bound.socket))
        func push(_ body: String) async throws -> RawHTTP.Answer {
            try await http.send(
                "POST /v1/messages HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n"
                    + "Idempotency-Key: \"k\"\r\n\r\n\(body)")
            return try await http.answer()
        }
        #expect(try await push(#"{"to":"alice","text":"a"}"#).json["pointer"] as? String == "/as")
        #expect(try await push(#"{"to":"alice","text":"a","as":"shop"}"#).status == 200)
        // The key is the machine user's, whichever process repeats it.
        #expect(try await push(#"{"to":"alice","text":"a","as":"shop"}"#).json["replayed"] as? Bool == true)
    }

    @Test func `bodies of another type or too large are refused before they are read`() async throws {
        let harness = try await ControlHarness { $0.bodyBytesMax = 1024 }
        for type in ["text/plain", "application/json; charset=latin1", "application/jsonx", ""] {
            let answer = try await harness.post("/v1/messages", #"{"to":"alice","text":"a"}"#, key: "k", type: type)
            #expect(answer.status == 415, "\(type)")
        }
        #expect(
            try await harness.post("/v1/messages", #"{"to":"a","text":"a"}"#, key: "k", type: "application/json; charset=UTF-8").status
                == 200)
        let token = try await harness.token()
        let head =
            "POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(token)\r\nContent-Type: application/json\r\n"
            + "Idempotency-Key: \"k\"\r\n"
        // Only the head is sent.
        let large = try await RawHTTP.ask(harness.address, head + "Content-Length: 999999999\r\n\r\n")
        #expect(large.status == 413)
        #expect(large.kind == "bodyTooLarge")
        // A body without a length is refused when it exceeds the limit, however much more would come.
        let http = try await RawHTTP.connect(to: harness.address)
        try await http.send(head + "Transfer-Encoding: chunked\r\n\r\n")
        let chunk = "10000\r\n" + String(repeating: " ", count: 0x10000) + "\r\n"
        let sender = Task { while true { try await http.send(chunk) } }
        #expect(try await http.answer().status == 413)
        _ = await http.untilEnd()
        await #expect(throws: (any Error).self) { try await sender.value }
        let broken = try await harness.post("/v1/messages", #"{"to":"alice""#, key: "k")
        #expect(broken.kind == "malformedJSON")
        #expect((broken.json["detail"] as? String)?.contains("byte 13") == true)
    }

    @Test func `who asks before he sends the body is told to go on, or why not`() async throws {
        let harness = try await ControlHarness()
        let token = try await harness.token()
        let body = #"{"to":"alice","text":"a"}"#
        let head =
            "POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(token)\r\nContent-Type: application/json\r\n"
            + "Expect: 100-continue\r\n"
        let http = try await RawHTTP.connect(to: harness.address)
        try await http.send(head + "Idempotency-Key: \"k\"\r\nContent-Length: \(body.utf8.count)\r\n\r\n")
        #expect(try await http.answer().status == 100)
        try await http.send(body)
        #expect(try await http.answer().status == 200)
        #expect(try await RawHTTP.ask(harness.address, head + "Content-Length: 999999999\r\n\r\n").status == 413)
    }

    @Test func `the words of kinds and refusals are those of the specification`() throws {
        let schemas = try SpecificationTests().schemas
        #expect(schemas["Kind"]?["enum"] as? [String] == MessageKind.allCases.map { "\($0)" })
        #expect(schemas["Refusal"]?["enum"] as? [String] == RefusalCode.allCases.map { "\($0)" })
    }
}
