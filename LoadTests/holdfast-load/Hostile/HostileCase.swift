import Foundation
import HoldfastConnection
import HoldfastGateway
import HoldfastIO

/// One kind of attacker.
struct HostileCase: Sendable {
    let name: String
    let summary: String
    /// What its costs are counted by.
    let unit: String
    /// Lines of the gateway's configuration beside `commonConfiguration`, for so many honest clients.
    var configuration: @Sendable (_ clients: Int) -> [String] = { _ in [] }
    /// What the gateway has to answer at least once, by name.
    var expects: [String] = []
    /// Private memory of the gateway that a unit may hold at most, in bytes.
    var bytesPerUnitMax: Int
    /// Units that are held at once; nil: all of one attack.
    var unitsHeld: Int?
    /// Descriptors of the gateway that the attack may hold at most; nil: as many as it makes connections.
    var descriptorsMax: Int?
    /// How long an attack has to last at least, so that the gateway's deadlines come.
    var secondsMin = 0.0
    let makeActor: @Sendable (HostileContext) async throws -> any HostileActor

    /// Short deadlines, so that a case takes seconds; all limits of numbers and bytes stay at their defaults unless a case says otherwise.
    static let commonConfiguration = [
        "heartbeatSecondsMin: 1", "heartbeatSecondsMax: 2", "handshakeSeconds: 2", "firstFrameSeconds: 2", "stallSeconds: 3",
        "retryAfterSeconds: 1",
    ]

    /// What no attack may lead to.
    static let forbiddenAnswers = ["internalError", "unreadable frame", "a forged ticket was taken", "status 500"]

    /// All of them, in the order in which they run.
    static let all: [HostileCase] = slow + floods + records + tickets + sessions + requests

    private static let slow: [HostileCase] = [
        HostileCase(
            name: "silent-tcp", summary: "1,000 connections that never say a word, each replaced when it is closed", unit: "connection",
            expects: ["firstFrameDeadline"], bytesPerUnitMax: 8 << 10, unitsHeld: 1000
        ) { try await $0.actor(SlowConnections(.silent, count: 1000)) },
        HostileCase(
            name: "trickled-tls", summary: "1,000 TLS handshakes at one byte a second", unit: "connection",
            expects: ["ended without a word"], bytesPerUnitMax: 64 << 10, unitsHeld: 1000
        ) { try await $0.actor(SlowConnections(.trickledHandshake, count: 1000, clientHello: $0.clientHello())) },
        HostileCase(
            name: "half-tls", summary: "1,000 TLS handshakes that stop after a whole ClientHello", unit: "connection",
            expects: ["ended without a word"], bytesPerUnitMax: 128 << 10, unitsHeld: 1000
        ) { try await $0.actor(SlowConnections(.halfHandshake, count: 1000, clientHello: $0.clientHello())) },
        HostileCase(
            name: "trickled-hello", summary: "1,000 connections that send their first frame at one byte a second", unit: "connection",
            expects: ["firstFrameDeadline"], bytesPerUnitMax: 8 << 10, unitsHeld: 1000
        ) { try await $0.actor(SlowConnections(.trickledHello, count: 1000)) },
        HostileCase(
            name: "slow-frames",
            summary: "200 sessions that send a frame which never ends: half of them 59,000 bytes of it at once, then a byte a second",
            unit: "connection", expects: ["heartbeatMissed"], bytesPerUnitMax: 160 << 10, unitsHeld: 200
        ) { try await $0.actor(SlowFrames(count: 200), users: 200) },
    ]

    private static let floods: [HostileCase] = [
        HostileCase(
            name: "address-flood", summary: "2,000 connects a second from one address, past the limit per address; none is given up",
            unit: "connection", configuration: { _ in ["connectionsPerAddressMax: 500"] },
            expects: ["tooManyConnections", "firstFrameDeadline"], bytesPerUnitMax: 16 << 10
        ) { try await $0.actor(ConnectionFlood(addresses: 1, openMax: 6000)) },
        HostileCase(
            name: "address-flood-tls", summary: "the same to the TLS port: connections that don't begin the handshake",
            unit: "connection", configuration: { _ in ["connectionsPerAddressMax: 500"] },
            expects: ["ended without a word"], bytesPerUnitMax: 64 << 10
        ) { try await $0.actor(ConnectionFlood(addresses: 1, toTLS: true, openMax: 6000)) },
        HostileCase(
            name: "total-flood", summary: "2,000 connects a second from 200 addresses, past the limit of all connections",
            unit: "connection", configuration: { ["connectionsMax: \($0 + 500)"] },
            expects: ["gatewayFull", "firstFrameDeadline"], bytesPerUnitMax: 16 << 10
        ) { try await $0.actor(ConnectionFlood(addresses: 200, openMax: 6000)) },
    ]

    private static let records: [HostileCase] = [
        HostileCase(
            name: "key-updates",
            summary: "8 sessions over TLS that change their keys as often as they can, and come back when they are closed",
            unit: "key update", expects: ["rateLimited", "welcome"], bytesPerUnitMax: 64 << 10, unitsHeld: 8
        ) { try await $0.actor(KeyUpdates(count: 8, tls: $0.tlsOptions()), users: 8) }
    ]

    private static let tickets: [HostileCase] = [
        HostileCase(
            name: "forged-tickets", summary: "1,000 tickets a second: random, bit-flipped, of another gateway, expired", unit: "ticket",
            expects: ["ticketInvalid", "ticketExpired"], bytesPerUnitMax: 16 << 10
        ) { try await $0.actor(ForgedTickets(ticketKeys: $0.ticketKeys())) },
        HostileCase(
            name: "replayed-ticket", summary: "one good ticket on 100 connections at once, over and over", unit: "resume",
            expects: ["fenced", "welcome"], bytesPerUnitMax: 16 << 10
        ) { try await $0.actor(ReplayedTicket(atOnce: 100)) },
    ]

    private static let sessions: [HostileCase] = [
        HostileCase(
            name: "never-reading", summary: "50 receivers with full inboxes of 2,000 messages who never read; their heartbeats go on",
            unit: "receiver",
            configuration: { _ in ["inboxMessagesMax: 2000"] }, bytesPerUnitMax: 3 << 20, unitsHeld: 50
        ) { try await $0.actor(NeverReading(receivers: 50), users: 51) },
        HostileCase(
            name: "window-abuse",
            summary: "acknowledgements beyond what was sent and backwards, credit above the limit, credit 0, and credit that flaps",
            unit: "frame", expects: ["acknowledgementBeyond", "creditOverflow", "malformedFrame"], bytesPerUnitMax: 64 << 10
        ) { try await $0.actor(WindowAbuse(count: 50), users: 50) },
        HostileCase(
            name: "inbox-flood", summary: "4 senders flood one inbox with as much as their windows let them, and go on when it is full",
            unit: "message", configuration: { _ in ["inboxMessagesMax: 100000"] }, expects: ["refused inboxFull"], bytesPerUnitMax: 2 << 10
        ) { try await $0.actor(InboxFlood(senders: 4, isPatient: true), users: 4) },
        HostileCase(
            name: "refused-flood", summary: "4 senders send what was refused again and again without waiting for answers",
            unit: "message", configuration: { _ in ["inboxMessagesMax: 100"] }, expects: ["refused inboxFull"], bytesPerUnitMax: 2 << 10
        ) { try await $0.actor(InboxFlood(senders: 4, isPatient: false), users: 4) },
        HostileCase(
            name: "many-devices", summary: "one user logs in on 10,000 devices", unit: "login", expects: ["tooManyDevices", "welcome"],
            bytesPerUnitMax: 16 << 10
        ) { try await $0.actor(ManyDevices(devices: 10_000, openMax: 200)) },
        HostileCase(
            name: "two-phones", summary: "two phones with one device name, both the client library", unit: "login", expects: ["fenced"],
            bytesPerUnitMax: 1 << 20
        ) { try await TwoPhones(target: $0.target, isImpatient: false) },
        HostileCase(
            name: "two-impatient-phones", summary: "the same in apps that call connect again at once when they are stopped", unit: "login",
            expects: ["fenced"], bytesPerUnitMax: 1 << 20
        ) { try await TwoPhones(target: $0.target, isImpatient: true) },
    ]

    /// The control API, whose times and bounds are not for the configuration to say (`ControlLimits`): 1,024 connections, 256 requests under way,
    /// 10 seconds for a head, 30 for a body, 30 without a byte taken of an answer.
    private static let requests: [HostileCase] = [
        HostileCase(
            name: "http-slow-heads", summary: "control API: 1,500 connections that send a request's head at one byte a second",
            unit: "connection", expects: ["ended without a word"], bytesPerUnitMax: 64 << 10, unitsHeld: 1024,
            descriptorsMax: connectionDescriptorsMax, secondsMin: 14
        ) {
            try await $0.actor(
                SlowRequests(count: 1500, opening: "", rest: "GET /v1/limits?" + String(repeating: "a", count: 2000)))
        },
        HostileCase(
            name: "http-slow-bodies", summary: "control API: 300 pushes with a good token whose body comes at one byte a second",
            unit: "request", expects: ["ended without a word", "status 503"], bytesPerUnitMax: 64 << 10, unitsHeld: 300,
            descriptorsMax: connectionDescriptorsMax, secondsMin: 34
        ) {
            let head = try await $0.head("POST /v1/messages", scopes: .push, ["Idempotency-Key: \"a\"", "Content-Length: 1000"])
            return try await $0.actor(SlowRequests(count: 300, opening: head, rest: " "))
        },
        HostileCase(
            name: "http-endless-bodies",
            summary: "control API: 60 chunked bodies without an end: of pushes, of one line of an upload, and of requests without a token",
            unit: "connection", expects: ["status 401", "status 413"], bytesPerUnitMax: 2 << 20, unitsHeld: 60,
            descriptorsMax: connectionDescriptorsMax
        ) {
            let headers = ["Idempotency-Key: \"a\"", "Transfer-Encoding: chunked"]
            let chunk = "400\r\n" + String(repeating: " ", count: 1024) + "\r\n"
            let openings = [
                try await $0.head("POST /v1/messages", scopes: .push, headers),
                try await $0.head("POST /v1/messages:stream", scopes: .push, headers, type: "application/x-ndjson"),
                try await $0.head("POST /v1/messages", scopes: nil, headers),
            ]
            return try await $0.actor(RequestFlood(count: 60, openings.map { .init(opening: $0, repeated: chunk) }))
        },
        HostileCase(
            name: "http-pipelining", summary: "control API: 50 connections that send requests without waiting for answers, which they take",
            unit: "request", expects: ["status 200"], bytesPerUnitMax: 1 << 20, unitsHeld: 50, descriptorsMax: connectionDescriptorsMax
        ) { try await $0.actor(RequestFlood(count: 50, [.init(repeated: $0.head("GET /healthz"))], countsAnswers: true)) },
        HostileCase(
            name: "http-headers", summary: "control API: 50 requests whose headers, or whose first line, never end", unit: "connection",
            expects: ["status 431"], bytesPerUnitMax: 512 << 10, unitsHeld: 50, descriptorsMax: connectionDescriptorsMax
        ) {
            let header = String(repeating: "a", count: 100)
            return try await $0.actor(
                RequestFlood(
                    count: 50,
                    [
                        .init(opening: "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n", repeated: "X-\(header): \(header)\r\n"),
                        .init(opening: "GET /healthz?", repeated: header),
                    ]))
        },
        HostileCase(
            name: "http-never-reading",
            summary: "control API: 50 connections that ask for the specification again and again and take nothing",
            unit: "connection", expects: ["ended without a word"], bytesPerUnitMax: 4 << 20, unitsHeld: 50,
            descriptorsMax: connectionDescriptorsMax, secondsMin: 45
        ) { try await $0.actor(RequestFlood(count: 50, [.init(repeated: $0.head("GET /openapi.yaml"))], readsAnswers: false)) },
        HostileCase(
            name: "http-wrong-tokens", summary: "control API: 50 connections with tokens of another key, as fast as they are refused",
            unit: "request", expects: ["status 401"], bytesPerUnitMax: 1 << 20, unitsHeld: 50, descriptorsMax: connectionDescriptorsMax
        ) { try await $0.actor(RequestFlood(count: 50, [.init(repeated: $0.wrongTokenHead("GET /v1/limits"))], countsAnswers: true)) },
    ]

    /// As many connections as the control API takes, and a few more for what the gateway opens meanwhile.
    private static let connectionDescriptorsMax = 1024 + 64

    /// The cases that a name means.
    static func named(_ name: String) throws -> [HostileCase] {
        if name == "all" { return all }
        return try name.split(separator: ",").map { word in
            guard let found = all.first(where: { $0.name == word }) else {
                throw LoadError(usage: "--case doesn't know '\(word)': it takes all, or of \(all.map(\.name).joined(separator: ", "))")
            }
            return found
        }
    }
}

/// What attacks are made from.
struct HostileContext: Sendable {
    let target: Target
    let tlsAddress: SocketAddress
    let controlAddress: SocketAddress
    /// The gateway's data directory.
    let data: String

    /// An attack on a loop of its own.
    func actor(_ attack: sending any Attack, users: Int = 1) async throws -> LoopActor {
        try await LoopActor(attack, self, users: users)
    }

    /// The gateway's ticket keys.
    func ticketKeys() throws -> TicketKeys {
        guard let text = try? String(contentsOfFile: data + "/ticket-keys", encoding: .utf8), let keys = TicketKeys(fileText: text) else {
            throw LoadError("\(data)/ticket-keys can't be read")
        }
        return keys
    }

    /// How to speak TLS with it.
    func tlsOptions() throws -> TLSClientOptions {
        let context = try TLSClientContext(trust: .file(data + "/tls/cert.pem"), alpn: ["holdfast/1"], keepsSessions: true)
        return TLSClientOptions(context: context, serverName: "127.0.0.1")
    }

    /// What a TLS client says first.
    func clientHello() async throws -> [UInt8] { try await ClientHelloCapture.capture() }

    /// The head of a request to the control API.
    /// - Parameters:
    ///   - line: method and target.
    ///   - token: nil: there is none.
    func head(_ line: String, token: String? = nil, _ headers: [String] = []) -> String {
        let all = ["\(line) HTTP/1.1", "Host: 127.0.0.1"] + (token.map { ["Authorization: Bearer \($0)"] } ?? []) + headers
        return all.joined(separator: "\r\n") + "\r\n\r\n"
    }

    /// The head of a request that has a body and, with scopes, a good token.
    func head(_ line: String, scopes: TokenScopes?, _ headers: [String], type: String = "application/json") async throws -> String {
        var token: String?
        if let scopes {
            let path = TokenSecret.developmentKeyPath(data: data)
            guard let secret = TokenSecret.read(path) else { throw LoadError("\(path) can't be read") }
            token = try await makeToken(secret: secret, scopes: scopes)
        }
        return head(line, token: token, ["Content-Type: \(type)"] + headers)
    }

    /// The head of a request whose token is right in all but its signature.
    func wrongTokenHead(_ line: String) async throws -> String {
        head(line, token: try await makeToken(secret: randomBytes(32), scopes: .read))
    }

    private func makeToken(secret: [UInt8], scopes: TokenScopes) async throws -> String {
        let issuer = try await TokenIssuer(secret: secret)
        let now = UInt64(Date().timeIntervalSince1970)
        return try await issuer.issue(user: "attacker", role: .service, scopes: scopes, now: now, lifetimeSeconds: 3600)
    }
}
