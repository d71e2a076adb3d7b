import HoldfastCore
import HoldfastGateway
import TestTraits
import Testing

@testable import HoldfastControl

@Suite(.takesTurns, .timeLimit(.minutes(10))) struct ActTests {
    private func send(_ harness: ControlHarness, _ method: String, _ path: String, _ body: String? = nil, id: String = "r") async throws
        -> RawHTTP.Answer
    {
        let type = body.map { "Content-Type: application/json\r\nContent-Length: \($0.utf8.count)\r\n" } ?? ""
        let http = try await RawHTTP.connect(to: harness.address)
        try await http.send(
            "\(method) \(path) HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(try await harness.token("operator", role: .operator))\r\n"
                + "Request-Id: \(id)\r\n\(type)\r\n\(body ?? "")")
        return try await http.answer()
    }

    @Test func `a user is blocked, let in again, and the audit log says who did it`() async throws {
        let harness = try await ControlHarness()
        let blocked = try await send(
            harness, "PUT", "/v1/users/mallory%2F1/block", #"{"until":"2100-01-01T00:00:00Z","reason":"spam"}"#, id: "r1")
        #expect(blocked.status == 200, "\(blocked.body)")
        #expect(blocked.json["outcome"] as? String == "done")
        #expect(try await send(harness, "DELETE", "/v1/users/mallory%2F1/block", id: "r2").json["outcome"] as? String == "done")
        #expect(try await send(harness, "DELETE", "/v1/users/mallory%2F1/block", id: "r3").json["outcome"] as? String == "unchanged")
        #expect(try await send(harness, "DELETE", "/v1/users/nobody/block", id: "r4").kind == "unknownUser")
        let page = try await send(harness, "GET", "/v1/audit?limit=2").json
        let entries = try #require(page["entries"] as? [[String: Any]])
        #expect(entries.map { $0["act"] as? String } == ["block", "unblock"])
        #expect(entries[0]["user"] as? String == "mallory/1")
        #expect(entries[0]["until"] as? String == "2100-01-01T00:00:00.000Z")
        #expect(entries[0]["reason"] as? String == "spam")
        #expect(entries[0]["actor"] as? String == "operator")
        #expect(entries[0]["requestId"] as? String == "r1")
        #expect(entries[0]["position"] as? String == blocked.json["position"] as? String)
        let next = try #require(page["next"] as? String)
        let rest = try await send(harness, "GET", "/v1/audit?after=\(next)").json
        #expect((rest["entries"] as? [[String: Any]])?.map { $0["outcome"] as? String } == ["unchanged", "unknownUser"])
        #expect(rest["next"] == nil)
    }

    @Test func `a phone that is revoked is sent away`() async throws {
        let harness = try await ControlHarness()
        let missing = try await send(harness, "DELETE", "/v1/users/nobody/sessions/5")
        #expect(missing.status == 404)
        #expect(try await send(harness, "DELETE", "/v1/users/nobody/devices/phone").kind == "unknownUser")
        _ = try await send(harness, "PUT", "/v1/users/alice/block", "{}")
        #expect(try await send(harness, "DELETE", "/v1/users/alice/devices/phone").kind == "unknownDevice")
        #expect(try await send(harness, "DELETE", "/v1/users/alice/sessions/x").kind == "invalidParameter")
        let revoked = try await send(harness, "POST", "/v1/users/alice/revoke", #"{"before":"2026-01-01T00:00:00+01:00"}"#)
        #expect(revoked.json["sessionsEnded"] as? Int == 0, "\(revoked.body)")
        let disconnected = try await send(harness, "POST", "/v1/users/alice/disconnect", #"{"retryAfterSeconds":5}"#)
        #expect(disconnected.json["connectionsClosed"] as? Int == 0, "\(disconnected.body)")
    }

    @Test func `what is revoked or blocked doesn't open the control API either`() async throws {
        let harness = try await ControlHarness()
        let old = try await harness.token("shop", lifetimeSeconds: 2_300_000_000, at: 1_700_000_000)
        func status(_ token: String) async throws -> String? {
            try await harness.get("/v1/build", headers: "Authorization: Bearer \(token)\r\n").kind
        }
        _ = try await send(harness, "PUT", "/v1/users/shop/block", #"{"reason":"stolen"}"#)
        #expect(try await status(old) == "blocked")
        let pushed = try await harness.post("/v1/messages", #"{"to":"alice","text":"a","as":"shop"}"#, key: "k")
        #expect(pushed.status == 403, "\(pushed.body)")
        #expect(pushed.kind == "blocked")
        let user = try await harness.ask("GET", "/v1/users/shop").json
        #expect((user["block"] as? [String: Any])?["reason"] as? String == "stolen")
        #expect((user["block"] as? [String: Any])?["holds"] as? Bool == true)
        _ = try await send(harness, "DELETE", "/v1/users/shop/block")
        _ = try await send(harness, "POST", "/v1/users/shop/revoke", #"{"before":"2026-01-01T00:00:00Z"}"#)
        #expect(try await status(old) == "tokenRevoked")
        #expect(try await harness.ask("GET", "/v1/users/shop").json["tokensFrom"] as? String == "2026-01-01T00:00:00.000Z")
        #expect(try await status(try await harness.token("shop")) == nil)
    }

    /// Each: method and path, the body, and the pointer of the field that is at fault.
    @Test(arguments: [
        ("POST", "/revoke", "{}", "/before"), ("POST", "/revoke", #"{"before":"yesterday"}"#, "/before"),
        ("POST", "/revoke", #"{"before":5}"#, "/before"),
        ("POST", "/revoke", #"{"before":"2100-01-01T00:00:00Z"}"#, "/before"),
        ("PUT", "/block", #"{"until":"2001-01-01T00:00:00Z"}"#, "/until"),
        ("PUT", "/block", #"{"reason":""}"#, "/reason"), ("PUT", "/block", #"{"days":5}"#, "/days"),
        ("POST", "/disconnect", #"{"session":5}"#, "/session"),
        ("POST", "/disconnect", #"{"retryAfterSeconds":3601}"#, "/retryAfterSeconds"),
    ])
    func `a field that isn't as it should be is named`(_ method: String, _ path: String, _ body: String, _ pointer: String) async throws {
        let harness = try await ControlHarness()
        let answer = try await send(harness, method, "/v1/users/alice\(path)", body)
        #expect(answer.status == 400)
        #expect(answer.json["pointer"] as? String == pointer, "\(answer.body)")
    }

    @Test func `acts need the scope operate`() async throws {
        let harness = try await ControlHarness()
        for path in ["/v1/users/alice/block", "/v1/users/alice/devices/phone"] {
            #expect(try await harness.ask("DELETE", path, scopes: [.push, .read]).kind == "scopeMissing")
        }
    }

    @Test func `the words of acts and outcomes are those of the specification`() throws {
        let entry = try #require(try SpecificationTests().schemas["AuditEntry"])
        let properties = try #require(entry["properties"] as? [String: [String: Any]])
        #expect(properties["act"]?["enum"] as? [String] == Act.Kind.allCases.map { "\($0)" })
        #expect(properties["outcome"]?["enum"] as? [String] == ActOutcome.allCases.map { "\($0)" })
    }
}
