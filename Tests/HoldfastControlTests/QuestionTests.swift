import HoldfastGateway
import TestTraits
import Testing

@testable import HoldfastControl

@Suite(.takesTurns, .timeLimit(.minutes(10))) struct QuestionTests {
    @Test func `users of any name are found by their paths`() async throws {
        let harness = try await ControlHarness()
        let names = [
            ("a/b", "a%2Fb"), ("..", "%2E%2E"), ("..", ".."), ("100%", "100%25"), ("汉字", "%E6%B1%89%E5%AD%97"), ("?#", "%3F%23"),
            ("a b", "a%20b"),
        ]
        for (name, path) in names {
            _ = try await harness.post("/v1/messages", "{\"to\":\"\(name)\",\"text\":\"hello\"}", key: path)
            let answer = try await harness.ask("GET", "/v1/users/\(path)")
            #expect(answer.json["name"] as? String == name, "\(path): \(answer.body)")
        }
        #expect(try await harness.ask("GET", "/v1/users/nobody").kind == "unknownUser")
        for bad in ["", "%", "%FF", "%00", String(repeating: "a", count: 256)] {
            #expect(try await harness.ask("GET", "/v1/users/\(bad)").kind == "invalidParameter", "\(bad)")
        }
        #expect(try await harness.ask("GET", "/v1/users/a/b").kind == "noSuchPath")
    }

    @Test func `a user's inbox is told`() async throws {
        let harness = try await ControlHarness()
        let first = try await harness.post("/v1/messages", #"{"to":"alice","text":"hello"}"#, key: "1")
        _ = try await harness.post("/v1/messages", #"{"to":"alice","text":"again"}"#, key: "2")
        let user = try await harness.ask("GET", "/v1/users/alice").json
        let inbox = try #require(user["inbox"] as? [String: Any])
        #expect(inbox["messages"] as? Int == 2)
        #expect(inbox["bytes"] as? Int == 10)
        let oldest = try #require(inbox["oldest"] as? [String: String])
        #expect(oldest["position"] == first.json["position"] as? String)
        #expect(oldest["expires"].flatMap { Timestamp.milliseconds($0) } != nil)
        #expect(user["connected"] as? Bool == false)
    }

    @Test func `users come in pages, by prefix, and the last page says so`() async throws {
        let harness = try await ControlHarness()
        let names = (0..<5).map { "shop-\($0)" } + ["alice"]
        let list = names.map { "\"\($0)\"" }.joined(separator: ",")
        _ = try await harness.post("/v1/messages", "{\"to\":[\(list)],\"text\":\"\"}", key: "k")
        var found: [String] = []
        var after = "0"
        while true {
            let page = try await harness.ask("GET", "/v1/users?prefix=shop-&limit=2&after=\(after)").json
            found += try #require(page["users"] as? [[String: String]]).compactMap { $0["name"] }
            guard let next = page["next"] as? String else { break }
            after = next
        }
        #expect(found == Array(names.prefix(5)))
        for bad in ["limit=0", "limit=1001", "limit=a", "after=-1", "limit=1&limit=2", "prefix=%FF", "x=1"] {
            #expect(try await harness.ask("GET", "/v1/users?\(bad)").kind == "invalidParameter", "\(bad)")
        }
    }

    @Test func `reachability and connections are told`() async throws {
        let harness = try await ControlHarness()
        _ = try await harness.post("/v1/messages", #"{"to":"alice","text":"hello"}"#, key: "1")
        let answer = try await harness.post("/v1/users:reachability", #"{"users":["alice","nobody"]}"#)
        let users = try #require(answer.json["users"] as? [[String: Any]])
        #expect(users[0]["known"] as? Bool == true)
        #expect(users[0]["waitingMessages"] as? Int == 1)
        #expect(users[1]["known"] as? Bool == false)
        for (bad, pointer) in [
            ("{}", "/users"), (#"{"users":[]}"#, "/users"), (#"{"users":[""]}"#, "/users/0"), (#"{"users":["a"],"x":1}"#, "/x"),
        ] {
            #expect(try await harness.post("/v1/users:reachability", bad).json["pointer"] as? String == pointer)
        }
        #expect(try await harness.ask("GET", "/v1/connections").json["connections"] as? [String] == [])
        #expect(try await harness.ask("GET", "/v1/connections?user=nobody&limit=10").status == 200)
    }
}
