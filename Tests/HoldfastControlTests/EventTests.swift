import Foundation
import HoldfastCore
import HoldfastGateway
import HoldfastWire
import NIOCore
import TestTraits
import Testing

@testable import HoldfastControl

@Suite(.takesTurns, .timeLimit(.minutes(10))) struct EventTests {
    private static let start = "\(FeedPlace.start)"

    private func push(_ harness: ControlHarness, _ text: String, to user: String = "alice", tag: String? = nil) async throws -> String {
        let tag = tag.map { ",\"tag\":\"\($0)\"" } ?? ""
        let answer = try await harness.post("/v1/messages", "{\"to\":\"\(user)\",\"text\":\"\(text)\"\(tag)}", key: UUID().uuidString)
        return try #require(answer.json["position"] as? String, "\(answer.body)")
    }

    private func events(_ answer: RawHTTP.Answer) throws -> [[String: Any]] {
        try #require(answer.json["events"] as? [[String: Any]], "\(answer.body)")
    }

    private func types(_ answer: RawHTTP.Answer) throws -> [String] { try events(answer).compactMap { $0["type"] as? String } }

    private func change(_ harness: ControlHarness, _ method: String, _ path: String, _ body: String) async throws -> RawHTTP.Answer {
        try await harness.ask(
            method, path, headers: "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n", body: body)
    }

    // MARK: Inboxes

    @Test func `a consumer empties the inbox that it reads by what it acknowledges`() async throws {
        let harness = try await ControlHarness()
        func waiting() async throws -> Int? {
            let user = try await harness.ask("GET", "/v1/users/desk")
            return (user.json["inbox"] as? [String: Any])?["messages"] as? Int
        }
        let body = #"{"types":["message.stored"],"user":"desk","inboxes":["desk"]}"#
        let consumer = try await change(harness, "PUT", "/v1/consumers/crm", body)
        #expect(consumer.status == 200 && consumer.json["inboxes"] as? [String] == ["desk"], "\(consumer.body)")
        for text in ["a", "b"] { _ = try await push(harness, text, to: "desk") }
        #expect(try await waiting() == 2)
        let page = try await harness.ask("GET", "/v1/events?consumer=crm")
        #expect(try events(page).count == 2)
        // The id of an event is a cursor, too: that event's message is among what leaves.
        for (left, event) in zip([1, 0], try events(page)) {
            let id = try #require(event["id"] as? String)
            let moved = try await change(harness, "POST", "/v1/consumers/crm/cursor", "{\"cursor\":\"\(id)\"}")
            #expect(moved.status == 200, "\(moved.body)")
            #expect(try await waiting() == left)
        }
        // When it goes, the inbox waits for nobody.
        _ = try await push(harness, "c", to: "desk")
        #expect(try await change(harness, "DELETE", "/v1/consumers/crm", "").status == 200)
        let sessions = try await harness.ask("GET", "/v1/users/desk").json["sessions"] as? [[String: Any]]
        #expect(sessions?.allSatisfy { $0["ended"] as? Bool == true } ?? false, "\(String(describing: sessions))")
        for wrong in [#"{"inboxes":"desk"}"#, #"{"inboxes":["desk","desk"]}"#, #"{"inboxes":[7]}"#] {
            let answer = try await change(harness, "PUT", "/v1/consumers/crm", wrong)
            #expect(answer.status == 400 && answer.body.contains("/inboxes"), "\(answer.body)")
        }
    }

    // MARK: Pages

    @Test func `a page has what has happened, as CloudEvents, and says where to go on`() async throws {
        let harness = try await ControlHarness()
        let newest = try await harness.ask("GET", "/v1/events")
        #expect(try events(newest).isEmpty)
        let before = try #require(newest.json["next"] as? String)
        let position = try await push(harness, "hello", tag: "order")
        _ = try await change(harness, "PUT", "/v1/users/mallory/block", #"{"reason":"spam"}"#)
        let page = try await harness.ask("GET", "/v1/events?after=\(before)")
        #expect(try types(page) == ["message.stored", "audit.act", "user.blocked"])
        #expect(page.json["atEnd"] as? Bool == true)
        let stored = try events(page)[0]
        #expect(stored["specversion"] as? String == "1.0")
        #expect(stored["source"] as? String == "/holdfast")
        #expect(stored["subject"] as? String == "alice")
        #expect(stored["sequence"] as? String == stored["id"] as? String)
        #expect((stored["time"] as? String).flatMap { Timestamp.milliseconds($0) } != nil)
        let data = try #require(stored["data"] as? [String: Any])
        #expect(data["position"] as? String == position)
        #expect(data["from"] as? String == "backend")
        #expect(data["tag"] as? String == "order")
        #expect(data["bytes"] as? Int == 5)
        #expect(data["text"] == nil)
        let act = try #require(try events(page)[1]["data"] as? [String: Any])
        let entries = try #require(try await harness.ask("GET", "/v1/audit").json["entries"] as? [[String: Any]])
        #expect(NSDictionary(dictionary: act) == NSDictionary(dictionary: entries[0]))
        let ids = try events(page).compactMap { $0["id"] as? String }
        #expect(ids == ids.sorted() && Set(ids).count == 3)
        // The same again from any of them.
        let rest = try await harness.ask("GET", "/v1/events?after=\(ids[0])&limit=1")
        #expect(NSDictionary(dictionary: try events(rest)[0]) == NSDictionary(dictionary: try events(page)[1]))
        #expect(rest.json["atEnd"] as? Bool == false)
        #expect(rest.json["next"] as? String == ids[1])
        let next = try #require(page.json["next"] as? String)
        #expect(try events(try await harness.ask("GET", "/v1/events?after=\(next)")).isEmpty)
    }

    @Test func `filters leave out what isn't wanted, and the cursor moves on`() async throws {
        let harness = try await ControlHarness()
        _ = try await push(harness, "a", to: "alice", tag: "order")
        _ = try await push(harness, "b", to: "bob")
        _ = try await change(harness, "PUT", "/v1/users/bob/block", "{}")
        func types(_ query: String) async throws -> [String] {
            try self.types(try await harness.ask("GET", "/v1/events?after=\(Self.start)&\(query)"))
        }
        #expect(try await types("types=audit.act,user.blocked") == ["audit.act", "user.blocked"])
        #expect(try await types("user=alice") == ["message.stored"])
        #expect(try await types("user=backend") == ["message.stored", "message.stored"])
        #expect(try await types("tag=order") == ["message.stored"])
        #expect(try await types("user=nobody") == [])
        let none = try await harness.ask("GET", "/v1/events?after=\(Self.start)&types=session.begun")
        #expect(try #require(none.json["next"] as? String) > Self.start)
    }

    @Test(arguments: [
        "after=5", "after=00000000000000000001-0000a", "after=99999999999999999999-00001", "types=", "types=message.sent",
        "types=audit.act,", "user=", "tag=", "wait=61", "wait=-1", "limit=0", "limit=1001", "bodies=1", "consumer=a%20b", "consumer=",
        "consumer=a&types=audit.act", "cursor=1",
    ])
    func `a parameter that isn't as it should be is named`(_ query: String) async throws {
        let harness = try await ControlHarness()
        let answer = try await harness.ask("GET", "/v1/events?\(query)")
        #expect(answer.kind == "invalidParameter", "\(answer.body)")
    }

    @Test func `bodies need a scope of their own, and are told where they are asked for`() async throws {
        let harness = try await ControlHarness()
        _ = try await push(harness, #"a\u0001\n\"é"#)
        _ = try await harness.post("/v1/messages", #"{"to":"alice","base64":"/w=="}"#, key: "b")
        let path = "/v1/events?after=\(Self.start)&bodies="
        let page = try await harness.ask("GET", path + "true", scopes: [.events, .eventsBodies])
        let data = try events(page).compactMap { $0["data"] as? [String: Any] }
        #expect(data[0]["text"] as? String == "a\u{1}\n\"é")
        #expect(data[1]["base64"] as? String == "/w==")
        #expect(try await harness.ask("GET", path + "true", scopes: [.events]).kind == "scopeMissing")
        #expect(try await harness.ask("GET", path + "false", scopes: [.events]).status == 200)
        #expect(try await harness.ask("GET", "/v1/events", scopes: [.read, .eventsBodies]).kind == "scopeMissing")
    }

    @Test func `a request waits for an event that passes its filter`() async throws {
        let harness = try await ControlHarness()
        async let waiting = harness.ask("GET", "/v1/events?after=\(Self.start)&user=bob&wait=60")
        _ = try await push(harness, "a", to: "alice")
        _ = try await push(harness, "b", to: "bob")
        let page = try await waiting
        #expect(try events(page).compactMap { $0["subject"] as? String } == ["bob"])
        // Nothing comes.
        let next = try #require(page.json["next"] as? String)
        let empty = try await harness.ask("GET", "/v1/events?after=\(next)&user=bob&wait=1")
        #expect(try events(empty).isEmpty)
        #expect(empty.json["atEnd"] as? Bool == true)
    }

    @Test func `a cursor of the future is told the newest`() async throws {
        let harness = try await ControlHarness()
        let newest = try #require(try await harness.ask("GET", "/v1/events").json["next"] as? String)
        for headers in ["", "Accept: text/event-stream\r\n"] {
            let answer = try await harness.ask("GET", "/v1/events?after=00999999999999999999-00000", headers: headers)
            #expect(answer.status == 409)
            #expect(answer.kind == "cursorAhead")
            #expect((answer.json["detail"] as? String)?.contains(newest) == true, "\(answer.body)")
        }
    }

    // MARK: Streams

    private func stream(
        _ harness: ControlHarness, _ query: String = "", headers: String = "", user: String = "listener", autoRead: Bool = true
    ) async throws -> RawHTTP {
        let http = try await RawHTTP.connect(to: harness.address, autoRead: autoRead)
        let token = try await harness.token(user)
        try await http.send(
            "GET /v1/events\(query) HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(token)\r\nAccept: text/event-stream\r\n"
                + "\(headers)\r\n")
        return http
    }

    /// The values of a field.
    private func values(_ field: String, _ text: String) -> [String] {
        text.split(whereSeparator: \.isNewline).filter { $0.hasPrefix(field + ": ") }.map { String($0.dropFirst(field.count + 2)) }
    }

    @Test func `a stream has events as they come, and goes on behind the last one`() async throws {
        let harness = try await ControlHarness()
        let first = try await stream(harness)
        let head = await first.until("id: ")
        #expect(head.lowercased().contains("content-type: text/event-stream"), "\(head)")
        #expect(head.contains("\r\nretry: 1000\nid: "), "\(head)")
        _ = try await push(harness, "one\\nline")
        let text = await first.until("data: ")
        #expect(values("event", text) == ["message.stored"])
        let line = try #require(values("data", text).first)
        let data = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        let id = try #require(values("id", text).last)
        #expect(data["id"] as? String == id)
        try await first.close()
        _ = try await push(harness, "two")
        _ = try await push(harness, "three")
        let second = try await stream(harness, headers: "Last-Event-ID: \(id)\r\n")
        let ids = values("id", await second.until("data: ", count: 2))
        #expect(ids.first == id)
        #expect(Set(ids).count == 3)
        // What the query says goes before the header.
        let third = try await stream(harness, "?after=\(Self.start)", headers: "Last-Event-ID: \(ids[2])\r\n")
        #expect(values("id", await third.until("data: ", count: 3)).first == Self.start)
        let wrong = try await stream(harness, headers: "Last-Event-ID: 17\r\n").answer()
        #expect(wrong.kind == "invalidParameter")
    }

    @Test func `a stream that says nothing stays, and tells where it is`() async throws {
        let harness = try await ControlHarness(
            limits: Self.limits { limits in
                limits.feedBeat = .milliseconds(20)
                limits.idleTime = .milliseconds(20)
                limits.headTime = .milliseconds(500)
                limits.bodyTime = .milliseconds(20)
            })
        let http = try await stream(harness, "?types=session.begun")
        let begin = try #require(values("id", await http.until("id: ")).first)
        _ = await http.until("\n:\n", count: 5)
        _ = try await push(harness, "not wanted")
        let text = await http.until("id: ", count: 2)
        #expect(try #require(values("id", text).last) > begin)
        #expect(values("event", text).isEmpty)
    }

    @Test func `a stream ends when the gateway drains`() async throws {
        let harness = try await ControlHarness()
        let http = try await stream(harness)
        _ = await http.until("id: ")
        async let waiting = harness.ask("GET", "/v1/events?after=\(Self.start)&types=session.begun&wait=60")
        #expect(await harness.stop() == 0)
        #expect(await http.untilEnd().hasSuffix("0\r\n\r\n"))
        // It may have come when the gateway drained already.
        #expect([200, 503, nil].contains(try? await waiting.status))
    }

    @Test func `a stream ends when its caller is blocked`() async throws {
        let harness = try await ControlHarness(limits: Self.limits { $0.feedBeat = .milliseconds(20) })
        let http = try await stream(harness)
        _ = await http.until("\n:\n")
        _ = try await change(harness, "PUT", "/v1/users/listener/block", "{}")
        #expect(await http.until("\r\n0\r\n\r\n").hasSuffix("\r\n0\r\n\r\n"))
    }

    @Test func `readers of events have a room of their own, and a client that goes gives it back`() async throws {
        let harness = try await ControlHarness(limits: Self.limits { ($0.feedsMax, $0.requestsMax) = (1, 1) })
        let http = try await stream(harness)
        _ = await http.until("id: ")
        let refused = try await harness.ask("GET", "/v1/events")
        #expect(refused.kind == "overloaded")
        #expect(try await harness.ask("GET", "/v1/consumers").status == 200)
        try await http.close()
        while try await harness.ask("GET", "/v1/events").status == 503 {}
    }

    @Test func `a reader that takes nothing is cut off`() async throws {
        let harness = try await ControlHarness(limits: Self.limits { ($0.feedsMax, $0.stallTime) = (1, .milliseconds(50)) })
        let body = String(repeating: "a", count: 60_000)
        for _ in 0..<200 { _ = try await push(harness, body) }
        let http = try await stream(harness, "?after=\(Self.start)&bodies=true", autoRead: false)
        await http.take(until: "id: ")
        // Its room is given back when it is cut off.
        while try await harness.ask("GET", "/v1/events").status == 503 {}
        try? await http.close()
    }

    private static func limits(_ change: (inout ControlLimits) -> Void) -> ControlLimits {
        var limits = ControlLimits()
        change(&limits)
        return limits
    }

    // MARK: Consumers

    @Test func `a consumer gets what it asked for, and goes on where it has acknowledged`() async throws {
        let harness = try await ControlHarness()
        let made = try await change(harness, "PUT", "/v1/consumers/billing", #"{"types":["message.stored"],"user":"alice"}"#)
        #expect(made.status == 200, "\(made.body)")
        #expect(made.json["types"] as? [String] == ["message.stored"])
        #expect(made.json["hours"] as? Int == 72)
        #expect(made.json["bytesMax"] as? Int == 10 << 30)
        for index in 0..<3 { _ = try await push(harness, "\(index)", to: index == 1 ? "bob" : "alice") }
        let page = try await harness.ask("GET", "/v1/events?consumer=billing")
        #expect(try events(page).count == 2)
        // Nothing is acknowledged by being read.
        #expect(try events(try await harness.ask("GET", "/v1/events?consumer=billing")).count == 2)
        let first = try #require(try events(page)[0]["id"] as? String)
        let moved = try await change(harness, "POST", "/v1/consumers/billing/cursor", "{\"cursor\":\"\(first)\"}")
        #expect(moved.json["cursor"] as? String == first, "\(moved.body)")
        #expect(try events(try await harness.ask("GET", "/v1/events?consumer=billing")).count == 1)
        #expect(try events(try await harness.ask("GET", "/v1/events?consumer=billing&after=\(Self.start)")).count == 2)
        let state = try await harness.ask("GET", "/v1/consumers/billing").json
        #expect(try #require((state["lag"] as? String).flatMap { Int($0) }) >= 2)
        #expect(try #require(state["newest"] as? String) > first)
        // An earlier cursor changes nothing.
        let late = try await change(harness, "POST", "/v1/consumers/billing/cursor", "{\"cursor\":\"\(Self.start)\"}")
        #expect(late.json["cursor"] as? String == first)
        let list = try await harness.ask("GET", "/v1/consumers").json["consumers"] as? [[String: Any]]
        #expect(list?.compactMap { $0["name"] as? String } == ["billing"])
        #expect(try await harness.ask("DELETE", "/v1/consumers/billing").json["name"] as? String == "billing")
        for (method, path) in [("GET", "/consumers/billing"), ("DELETE", "/consumers/billing"), ("GET", "/events?consumer=billing")] {
            #expect(try await harness.ask(method, "/v1\(path)").kind == "unknownConsumer")
        }
        let gone = try await change(harness, "POST", "/v1/consumers/billing/cursor", "{\"cursor\":\"\(first)\"}")
        #expect(gone.kind == "unknownConsumer")
    }

    @Test func `a consumer begins where it says`() async throws {
        let harness = try await ControlHarness()
        _ = try await push(harness, "before")
        func count(_ start: String) async throws -> Int {
            _ = try await change(harness, "PUT", "/v1/consumers/c", start)
            return try events(try await harness.ask("GET", "/v1/events?consumer=c")).count
        }
        #expect(try await count("{}") == 0)
        #expect(try await count(#"{"start":"oldest"}"#) == 1)
        #expect(try await count(#"{"start":"kept"}"#) == 1)
        #expect(try await count(#"{"start":"newest"}"#) == 0)
        #expect(try await count("{\"start\":\"\(Self.start)\"}") == 1)
        let ahead = try await change(harness, "PUT", "/v1/consumers/c", #"{"start":"00999999999999999999-00000"}"#)
        #expect(ahead.kind == "cursorAhead")
    }

    @Test func `a consumer that is too late is told what it has missed`() async throws {
        let harness = try await ControlHarness { ($0.checkpointEntries, $0.checkpointEntriesMax) = (1_000, 2_000) }
        let made = try await change(harness, "PUT", "/v1/consumers/slow", #"{"bytesMax":1048576}"#)
        let begin = try #require(made.json["cursor"] as? String, "\(made.body)")
        let body = String(repeating: "a", count: 60_000)
        for _ in 0..<30 { _ = try await push(harness, body) }
        // So many entries are worth a checkpoint, behind which the journal may be trimmed.
        let users = (0..<1_000).map { "\"u\($0)\"" }.joined(separator: ",")
        _ = try await harness.post("/v1/messages", "{\"to\":[\(users)],\"text\":\"\"}", key: "many")
        var missed: [String: String]?
        repeat {
            missed = try await harness.ask("GET", "/v1/events?consumer=slow&limit=1").json["missed"] as? [String: String]
        } while missed == nil
        #expect(missed?["after"] == begin)
        #expect(missed?["reason"] == "bytesLimit")
        let through = try #require(missed?["through"])
        let http = try await stream(harness, "?consumer=slow")
        let text = await http.until("event: ")
        #expect(values("event", text).first == "feed.missed")
        #expect(values("id", text).prefix(2) == [begin, through])
        let state = try await harness.ask("GET", "/v1/consumers/slow").json["missed"] as? [String: String]
        #expect(state?["reason"] == "bytesLimit")
        let moved = try await change(harness, "POST", "/v1/consumers/slow/cursor", "{\"cursor\":\"\(through)\"}")
        #expect(moved.json["missed"] == nil, "\(moved.body)")
        #expect(try await harness.ask("GET", "/v1/events?consumer=slow&limit=1").json["missed"] == nil)
        // Who isn't a consumer is told, too.
        let late = try await harness.ask("GET", "/v1/events?after=\(begin)&limit=1").json["missed"] as? [String: String]
        #expect(late?["reason"] == "notHeld")
    }

    /// Each: method and path, the body, and the pointer of the field that is at fault.
    @Test(arguments: [
        ("PUT", "", #"{"types":[]}"#, "/types"), ("PUT", "", #"{"types":["a.b"]}"#, "/types"), ("PUT", "", #"{"types":[5]}"#, "/types/0"),
        ("PUT", "", #"{"types":"audit.act"}"#, "/types"), ("PUT", "", #"{"user":""}"#, "/user"), ("PUT", "", #"{"tag":""}"#, "/tag"),
        ("PUT", "", #"{"start":"first"}"#, "/start"), ("PUT", "", #"{"hours":73}"#, "/hours"), ("PUT", "", #"{"hours":0}"#, "/hours"),
        ("PUT", "", #"{"bytesMax":5}"#, "/bytesMax"), ("PUT", "", #"{"cursor":"a"}"#, "/cursor"),
        ("POST", "/cursor", "{}", "/cursor"), ("POST", "/cursor", #"{"cursor":"5"}"#, "/cursor"),
        ("POST", "/cursor", #"{"cursor":"00000000000000000000-65535","x":1}"#, "/x"),
    ])
    func `a field that isn't as it should be is named`(_ method: String, _ path: String, _ body: String, _ pointer: String) async throws {
        let harness = try await ControlHarness()
        let answer = try await change(harness, method, "/v1/consumers/c\(path)", body)
        #expect(answer.status == 400)
        #expect(answer.json["pointer"] as? String == pointer, "\(answer.body)")
    }

    @Test func `a consumer has a short name of few characters, and there is an end to their number`() async throws {
        let harness = try await ControlHarness()
        for name in ["", "a%20b", "%C3%A9", String(repeating: "a", count: 65)] {
            #expect(try await change(harness, "PUT", "/v1/consumers/\(name)", "{}").kind == "invalidParameter", "\(name)")
        }
        let port = try #require(harness.gateway.port)
        await withTaskGroup { group in
            for index in 0..<1_000 {
                let request = HoldRequest.set(HoldName(.retention, "\(index)"), Hold(floor: .zero, ageMax: 60, bytesMax: 0))
                group.addTask { _ = try? await port.hold(request) }
            }
        }
        let full = try await change(harness, "PUT", "/v1/consumers/\(String(repeating: "a", count: 64))", "{}")
        #expect(full.status == 409)
        #expect(full.kind == "consumersFull", "\(full.body)")
    }
}
