import Foundation
import HoldfastGateway
import TestTraits
import Testing

@testable import HoldfastControl

@Suite(.takesTurns, .timeLimit(.minutes(10))) struct ControlServerTests {
    @Test func `probes are answered without a token, and the gateway is ready`() async throws {
        let harness = try await ControlHarness()
        #expect(try await harness.get("/healthz").body == "ok\n")
        #expect(try await harness.get("/readyz").body == "ready\n")
        let metrics = try await harness.get("/metrics")
        #expect(metrics.status == 200)
        #expect(metrics.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
        #expect(try await harness.get("/openapi.yaml").body.hasPrefix("openapi: 3.1.0"))
        #expect(await harness.stop() == 0)
    }

    @Test func `a gateway that drains isn't ready, takes no requests, and ends what is open`() async throws {
        // Phones are given time, so that what a probe sees meanwhile can be looked at.
        let harness = try await ControlHarness { $0.drainSeconds = 3600 }
        let phone = try await RawHTTP.connect(to: try #require(harness.phones))
        let probe = try await RawHTTP.connect(to: harness.address)
        harness.gateway.beginDrain()
        try await probe.send("GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        let answer = try await probe.answer()
        #expect(answer.status == 503)
        #expect(answer.kind == "stopping")
        #expect(answer.headers["retry-after"] == "5")
        try await probe.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(try await probe.answer().status == 200)
        #expect(try await harness.ask("GET", "/v1/build").kind == "stopping")
        harness.gateway.beginDrain()
        _ = await probe.untilEnd()
        #expect(await harness.gateway.waitUntilStopped() == 0)
        withExtendedLifetime(phone) {}
    }

    @Test func `the request's id is taken, or made where it isn't good`() async throws {
        let harness = try await ControlHarness()
        let given = try await harness.get("/v1/nothing", headers: "Request-Id: Order-17.a_b\r\n")
        #expect(given.headers["request-id"] == "Order-17.a_b")
        #expect(given.json["requestId"] as? String == "Order-17.a_b")
        for bad in ["", "a b", "a\"b", String(repeating: "a", count: 65), "é"] {
            let made = try await harness.get("/healthz", headers: "Request-Id: \(bad)\r\n").headers["request-id"] ?? ""
            #expect(made != bad && made.wholeMatch(of: /[0-9a-f]{16}/) != nil)
        }
    }

    @Test func `what has no path or no method is a problem with its way out`() async throws {
        let harness = try await ControlHarness()
        let nothing = try await harness.get("/v2/users")
        #expect(nothing.status == 404)
        #expect(nothing.headers["content-type"] == "application/problem+json")
        #expect(nothing.json["type"] as? String == "urn:holdfast:problem:noSuchPath")
        #expect(nothing.json["status"] as? Int == 404)
        let method = try await harness.ask("DELETE", "/healthz")
        #expect(method.status == 405)
        #expect(method.headers["allow"] == "GET")
        #expect(method.kind == "methodNotAllowed")
    }

    // DNS rebinding, and pages of other sites in an operator's browser.
    @Test func `only the gateway's own names and origin are served`() async throws {
        let harness = try await ControlHarness { $0.controlNames = ["Gateway.example.com"] }
        let port = try #require(harness.address.split(separator: ":").last)
        for good in ["localhost", "localhost:1", "127.0.0.1:\(port)", "[::1]", "gateway.EXAMPLE.com:443"] {
            #expect(try await RawHTTP.ask(harness.address, "GET /healthz HTTP/1.1\r\nHost: \(good)\r\n\r\n").status == 200, "\(good)")
        }
        for bad in ["evil.example", "127.0.0.1.evil.example", "10.0.0.1", "localhost.", "a:b:c", "gateway.example.com.evil"] {
            let answer = try await RawHTTP.ask(harness.address, "GET /healthz HTTP/1.1\r\nHost: \(bad)\r\n\r\n")
            #expect(answer.status == 421, "\(bad)")
            #expect(answer.kind == "misdirected")
        }
        #expect(try await RawHTTP.ask(harness.address, "GET /healthz HTTP/1.1\r\n\r\n").status == 400)
        #expect(try await harness.get("/healthz", headers: "Origin: http://\(harness.address)\r\n").status == 200)
        for origin in ["https://evil.example", "null", "http://\(harness.address).evil", "file://"] {
            let answer = try await harness.get("/healthz", headers: "Origin: \(origin)\r\n")
            #expect(answer.status == 403)
            #expect(answer.kind == "originForbidden")
            #expect(!answer.headers.keys.contains { $0.hasPrefix("access-control") })
        }
    }

    @Test func `a token comes in Authorization, is good, and has role and scope`() async throws {
        let harness = try await ControlHarness()
        let missing = try await harness.get("/v1/build")
        #expect(missing.status == 401)
        #expect(missing.kind == "tokenMissing")
        #expect(missing.headers["www-authenticate"] == "Bearer")
        let token = try await harness.token()
        #expect(try await harness.get("/v1/build", headers: "Cookie: token=\(token)\r\n").kind == "tokenMissing")
        #expect(try await harness.get("/v1/build?access_token=\(token)").kind == "invalidParameter")
        #expect(try await harness.get("/v1/build", headers: "Authorization: Basic \(token)\r\n").kind == "tokenMissing")
        let wrong = try await harness.get("/v1/build", headers: "Authorization: Bearer \(token)x\r\n")
        #expect(wrong.kind == "tokenInvalid")
        #expect(wrong.headers["www-authenticate"] == "Bearer error=\"invalid_token\"")
        let old = try await harness.token(lifetimeSeconds: 1, at: 1_700_000_000)
        #expect(try await harness.get("/v1/build", headers: "Authorization: Bearer \(old)\r\n").kind == "tokenExpired")
        #expect(try await harness.ask("GET", "/v1/build", role: .user).kind == "roleMissing")
        let scope = try await harness.ask("GET", "/v1/configuration", role: .service, scopes: [.push, .read])
        #expect(scope.status == 403)
        #expect(scope.kind == "scopeMissing")
        #expect((scope.json["detail"] as? String)?.contains("operate") == true)
        #expect(try await harness.get("/v1/build", headers: "Authorization: bearer \(token)\r\n").status == 200)
    }

    @Test func `requests of a token's user are limited, and the limit is announced`() async throws {
        let harness = try await ControlHarness {
            $0.controlRequestsMax = 2
            $0.controlRequestsSeconds = 86_400
        }
        let first = try await harness.ask("GET", "/v1/build")
        #expect(first.headers["ratelimit-policy"] == "\"burst\";q=2;w=86400")
        #expect(first.headers["ratelimit"] == "\"burst\";r=1;t=43200")
        #expect(try await harness.ask("GET", "/v1/limits").status == 200)
        let refused = try await harness.ask("GET", "/v1/build")
        #expect(refused.status == 429)
        #expect(refused.kind == "rateLimited")
        #expect(refused.headers["retry-after"].flatMap { Int($0) }.map { (43_000...43_200).contains($0) } == true)
        // Others, and probes, go on.
        let other = try await harness.token("other")
        #expect(try await harness.get("/v1/build", headers: "Authorization: Bearer \(other)\r\n").status == 200)
        #expect(try await harness.get("/healthz").status == 200)
    }

    @Test func `beyond the bound requests are told to come back, and probes are answered`() async throws {
        var limits = ControlLimits()
        limits.requestsMax = 0
        let harness = try await ControlHarness(limits: limits)
        let answer = try await harness.ask("GET", "/v1/build")
        #expect(answer.status == 503)
        #expect(answer.kind == "overloaded")
        #expect(answer.headers["retry-after"] == "1")
        #expect(try await harness.get("/readyz").status == 200)
    }

    @Test func `operations without a body take none`() async throws {
        let harness = try await ControlHarness()
        let answer = try await harness.ask("GET", "/v1/build", headers: "Content-Length: 5\r\n")
        #expect(answer.status == 400)
        #expect(answer.headers["connection"] == "close")
    }

    @Test func `the configuration in force and the limits are told`() async throws {
        let harness = try await ControlHarness { $0.bodyBytesMax = 10_000 }
        let keys = try #require(try await harness.ask("GET", "/v1/configuration").json["keys"] as? [[String: String]])
        let values = Dictionary(uniqueKeysWithValues: keys.map { ($0["name"] ?? "", $0["value"] ?? "") })
        #expect(values["bodyBytesMax"] == "10000")
        // What follows from the memory has its value.
        #expect(values["connectionsMax"].flatMap { Int($0) } != nil)
        #expect(try await harness.ask("GET", "/v1/limits").json["bodyBytesMax"] as? Int == 10_000)
    }

    @Test func `the listener for scrapers has nothing else`() async throws {
        let harness = try await ControlHarness { $0.metricsListen = "127.0.0.1:0" }
        let address = try #require(harness.bound.metrics)
        func status(_ path: String) async throws -> Int {
            try await RawHTTP.ask(address, "GET \(path) HTTP/1.1\r\nHost: \(address)\r\n\r\n").status
        }
        for path in ["/metrics", "/healthz", "/readyz"] { #expect(try await status(path) == 200) }
        for path in ["/openapi.yaml", "/v1/build"] { #expect(try await status(path) == 404) }
    }

    @Test func `an address that is taken stops the start, and the error names the key`() async throws {
        let first = try await ControlHarness()
        let error = await #expect(throws: (any Error).self) { try await ControlHarness { $0.controlListen = first.address } }
        #expect("\(try #require(error))".contains("controlListen"))
        #expect("\(try #require(error))".contains(first.address))
    }
}
