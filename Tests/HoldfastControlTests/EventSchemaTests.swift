import Foundation
import HoldfastGateway
import HoldfastWire
import Testing

@testable import HoldfastControl
@testable import HoldfastCore

/// The schemas of events in `Protocol/openapi.yaml` are what the code writes.
@Suite struct EventSchemaTests {
    private let schemas: [String: [String: Any]]

    init() throws { schemas = try SpecificationTests().schemas }

    private static let place = FeedPlace(Position(rawValue: 18), 3)
    private static let session = FeedEvent.Session(id: SessionID(user: 7, serial: 2), device: Array("phone".utf8))

    private static func act(_ act: Act) -> FeedEvent.Content {
        .act(
            AuditRecord(
                act: act, outcome: .done, time: 5, age: 1, actor: .process(uid: 0, pid: 5), requestID: Array("r".utf8), user: 7,
                name: Array("alice".utf8), isNewUser: false, ended: [2], connectionsClosed: 1))
    }

    /// Of each type one with all of its fields, and one with as few as it can have.
    private static var contents: [FeedEvent.Content] {
        let sender = FeedEvent.User(number: 8, name: Array("shop".utf8))
        let full = FeedEvent.Stored(
            sender: sender, session: session.id, kind: .text, bytes: 5, tag: Array("order".utf8), isTracked: true, timeToLive: 60,
            body: Array("hello".utf8))
        let bare = FeedEvent.Stored(
            sender: .init(number: 8), session: nil, kind: .image, bytes: 1, tag: [], isTracked: false, timeToLive: 0, body: [0xFF])
        let left = GapReason.allCases.map { reason in
            FeedEvent.Content.left(
                .init(
                    from: Position(rawValue: 3), through: Position(rawValue: 9), count: 2, reason: reason,
                    tracked: reason == .erased ? [] : [Position(rawValue: 5)]))
        }
        let unnamed = FeedEvent.Session(id: session.id)
        let acts: [Act] = [
            .revokeSession(session.id), .revokeDevice(session.device), .revokeTokens(before: 5), .block(until: 5, reason: [0x61]), .unblock,
            .disconnect(retryAfterMilliseconds: 5), .disconnectSession(session.id, retryAfterMilliseconds: 5),
        ]
        let message = FeedEvent.Stored(
            sender: sender, session: session.id, kind: .text, bytes: 5, tag: [], isTracked: true, timeToLive: 0)
        return [
            .deliveredMessage(.init(session: session, position: Position(rawValue: 9), message: message)),
            .deliveredMessage(.init(session: unnamed, position: Position(rawValue: 9))),
            .stored(full), .stored(bare), .delivered(.init(session: session, from: .zero, through: Position(rawValue: 9))),
            .sessionBegun(session), .sessionEnded(session, hasExpired: true), .sessionEnded(unnamed, hasExpired: false),
            .sessionRevoked(session), .userBlocked(until: 5, reason: [0x61]), .userBlocked(until: 0, reason: []), .damaged,
        ] + left + acts.map { act($0) }
    }

    @Test func `every type has a schema, in one order`() throws {
        func types(_ union: String) throws -> [String] {
            let list = try #require(schemas[union]?["oneOf"] as? [[String: String]])
            return list.flatMap { reference -> [String] in
                let schema = resolved(reference)
                guard let type = (schema["properties"] as? [String: [String: Any]])?["type"]?["const"] as? String else { return [] }
                return [type]
            }
        }
        let names = FeedEventType.allCases.map(\.name)
        #expect(try Set(types("Event")) == Set(names))
        #expect(try types("StreamEvent") == FeedNotice.names)
        #expect(Set(try #require(schemas["EventType"]?["enum"] as? [String])) == Set(names))
        let missed = try #require(schemas["Missed"]?["properties"] as? [String: [String: Any]])
        #expect(missed["reason"]?["enum"] as? [String] == MissedReason.allCases.map(\.rawValue))
    }

    @Test func `events have what their schemas say, and nothing else`() throws {
        var met: Set<String> = []
        for content in Self.contents {
            for (name, time) in [(Array("alice".utf8), UInt64(5)), ([], 0)] where content != .damaged || time == 0 {
                let event = FeedEvent(place: Self.place, time: time, subject: .init(number: 7, name: name), content: content)
                try check(JSONWriter.object { event.write(to: &$0, source: "/a") }, event.type.name)
                met.insert(event.type.name)
            }
        }
        #expect(met == Set(FeedEventType.allCases.map(\.name)))
        for cause in [nil, HoldCause.ageLimit, .bytesLimit, .noRoom] {
            let missed = FeedPage.Missed(after: .start, through: Self.place, cause: cause)
            try check(JSONWriter.object { FeedNotice.missed(missed).write(to: &$0, source: "/a") }, "feed.missed")
        }
        try check(JSONWriter.object { FeedNotice.rewound(to: Self.place).write(to: &$0, source: "/a") }, "feed.rewound")
    }

    @Test func `an event that expires says when, and has an id that sorts as text`() throws {
        let event = FeedEvent(
            place: Self.place, time: 1_000, subject: .init(number: 7),
            content: .stored(
                .init(sender: .init(number: 8), kind: .text, bytes: 0, tag: [], isTracked: false, timeToLive: 60)))
        let json = String(decoding: JSONWriter.object { event.write(to: &$0, source: "/a") }, as: UTF8.self)
        #expect(
            json.hasPrefix(
                #"{"specversion":"1.0","id":"00000000000000000018-00003","source":"/a","type":"message.stored","#), "\(json)")
        #expect(json.contains(#""time":"1970-01-01T00:00:01.000Z","expirytime":"1970-01-01T00:01:01.000Z""#), "\(json)")
    }

    private func check(_ bytes: [UInt8], _ type: String) throws {
        let name = "Event" + type.split(separator: ".").map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
        check(try JSONSerialization.jsonObject(with: Data(bytes)), try #require(schemas[name], "\(name)"), name)
    }

    private func resolved(_ schema: [String: Any]) -> [String: Any] {
        guard let reference = schema["$ref"] as? String, let name = reference.split(separator: "/").last else { return schema }
        return schemas[String(name)] ?? [:]
    }

    /// As far as these schemas go.
    private func check(_ value: Any, _ written: [String: Any], _ path: String) {
        var schema = resolved(written)
        if let forms = schema["oneOf"] as? [[String: Any]] {
            let names = Set((value as? [String: Any] ?? [:]).keys)
            let fitting = forms.map(resolved).filter { names.isSuperset(of: $0["required"] as? [String] ?? []) }
            #expect(fitting.count == 1, "\(path): \(value)")
            schema = fitting.first ?? [:]
        }
        if let wanted = schema["const"] as? String { #expect(value as? String == wanted, "\(path)") }
        if let wanted = schema["enum"] as? [String] { #expect(wanted.contains(value as? String ?? ""), "\(path): \(value)") }
        if let pattern = schema["pattern"] as? String, let regex = try? Regex(pattern) {
            #expect((value as? String)?.contains(regex) == true, "\(path): \(value)")
        }
        guard schema["type"] as? String == "object", let object = value as? [String: Any] else {
            #expect(schema["type"] as? String != "object", "\(path)")
            if schema["type"] as? String == "array" {
                for element in value as? [Any] ?? [] { check(element, schema["items"] as? [String: Any] ?? [:], path) }
                return #expect(value is [Any], "\(path)")
            }
            return #expect((schema["type"] as? String == "string") == (value is String), "\(path): \(value)")
        }
        let properties = schema["properties"] as? [String: [String: Any]] ?? [:]
        for name in schema["required"] as? [String] ?? [] { #expect(object[name] != nil, "\(path) lacks \(name)") }
        for (name, member) in object {
            #expect(properties[name] != nil, "\(path) has \(name)")
            if let property = properties[name] { check(member, property, "\(path)/\(name)") }
        }
    }
}
