internal import HoldfastWire

extension ConfigurationKey {
    /// Every key, in the order in which README lists them.
    package static let all: [ConfigurationKey] = listening + tokens + control + running + connections + storms + sessions + storage

    private static let listening: [ConfigurationKey] = [
        .init("data", .text(\.data), "The data directory: journal, store, keys. Made when missing; one gateway at a time."),
        .init(
            "listen", .list(\.listen),
            "ADDRESS:PORT of the plaintext listeners; IPv6 as [ADDRESS]:PORT, link-local as [fe80::1%eth0]:PORT; [] for none. Loopback only unless allowPlaintext."
        ),
        .init("tlsListen", .list(\.tlsListen), "ADDRESS:PORT of the TLS listeners; [] for none."),
        .init(
            "allowPlaintext", .flag(\.allowPlaintext),
            "Lets `listen` name addresses beyond loopback: for a gateway behind a TLS-terminating balancer."),
        .init(
            "freeBind", .flag(\.freeBind),
            "Lets listeners have addresses that the machine doesn't have yet: one that moves between machines, or an interface that comes up later."
        ),
        .init(
            "proxyProtocolFrom", .list(\.proxyProtocolFrom),
            "Addresses or ranges (10.0.0.0/8) of balancers: their connections must begin with a PROXY protocol header, version 1 or 2."),
        .init(
            "goAwayAddress", .text(\.goAwayAddress),
            "HOST:PORT that clients are told to go to when this gateway drains; empty: come back here."),
        .init(
            "tlsCertificate", .text(\.tlsCertificate),
            "PEM file with the certificate chain; empty: DATA/tls/cert.pem, self-signed at the first start. Read again on SIGHUP."),
        .init("tlsKey", .text(\.tlsKey), "PEM file with the certificate's private key; empty: DATA/tls/key.pem."),
        .init("tlsVersionMin", .tlsVersion(\.tlsVersionMin), "The oldest TLS version that is spoken."),
    ]

    private static let tokens: [ConfigurationKey] = [
        .init(
            "tokenSecretFile", .text(\.tokenSecretFile),
            "File with the secret (at least 32 bytes) of HS256 tokens. Without this, tokenPublicKeyFile and tokenKeySetFile a development key is made: DATA/development.key."
        ),
        .init(
            "tokenPublicKeyFile", .text(\.tokenPublicKeyFile), "PEM file with the public key of ES256 (P-256) or EdDSA (Ed25519) tokens."),
        .init(
            "tokenKeySetFile", .text(\.tokenKeySetFile),
            "File with a JWK Set (RFC 7517): keys of ES256, EdDSA and HS256 tokens, each with a kid. Read again on SIGHUP; one that can't be used leaves the old keys."
        ),
        .init(
            "tokenIssuer", .text(\.tokenIssuer),
            "Who must have issued a token (its claim `iss`, letter by letter); empty: that isn't looked at."),
        .init(
            "tokenAudience", .text(\.tokenAudience),
            "Whom a token must be for (its claim `aud`, a text or a list with this one in it); empty: that isn't looked at."),
        .init(
            "tokenClockSeconds", .integer(\.tokenClockSeconds, 0...3600),
            "By how much the clock of the token issuer may differ: a token is good so much longer, and earlier."),
        .init(
            "tokenWarningSeconds", .integer(\.tokenWarningSeconds, 1...86400),
            "How long before a connection's token expires the client is told."),
        .init(
            "tokenChecksMax", .integer(\.tokenChecksMax, 1...65536),
            "Tokens that may wait for verification at once; beyond it a HELLO is answered `overloaded`."),
    ]

    private static let control: [ConfigurationKey] = [
        .init(
            "controlListen", .text(\.controlListen),
            "ADDRESS:PORT of the control API (HTTP) for backends and operators; empty: none. Beyond loopback it speaks TLS with the gateway's certificate."
        ),
        .init(
            "controlSocket", .text(\.controlSocket),
            "Unix socket of the control API for root and the gateway's user, without a token; DATA/ at its beginning is the data directory; at most 107 bytes; empty: none."
        ),
        .init(
            "controlClientCA", .text(\.controlClientCA),
            "PEM file with the issuers of client certificates: controlListen demands one, in addition to the token, and speaks TLS on loopback, too. Read again on SIGHUP."
        ),
        .init(
            "controlNames", .list(\.controlNames),
            "Host names under which controlListen and metricsListen are called, beside loopback and their address; another Host is refused."
        ),
        .init(
            "controlRequestsMax", .integer(\.controlRequestsMax, 1...1_000_000_000),
            "Requests to the control API that one token's user may make in controlRequestsSeconds; beyond it: 429."),
        .init("controlRequestsSeconds", .integer(\.controlRequestsSeconds, 1...86_400), "The time in which they are given back."),
        .init(
            "metricsListen", .text(\.metricsListen),
            "ADDRESS:PORT for scrapers and probes: /metrics, /healthz and /readyz, without token and without TLS; empty: none."),
        .init(
            "auditFile", .text(\.auditFile),
            "File to which a JSON line is added for each act of an operator; DATA/ at its beginning is the data directory; empty: none. Opened again on SIGHUP."
        ),
        .init(
            "auditDays", .integer(\.auditDays, 0...36_500),
            "How long the audit log keeps an act, whatever becomes of the file; 0: for ever."),
        .init(
            "eventSource", .text(\.eventSource),
            "What events of the feed have as their source, a URI or a path: tells the events of several gateways apart."),
        .init(
            "consumerHours", .integer(\.consumerHours, 1...87_600),
            "How long the journal keeps what a consumer of the feed hasn't acknowledged, unless the consumer asks for less; then it is told what it has missed."
        ),
        .init("consumerBytesMax", .integer(\.consumerBytesMax, 1 << 20...1 << 46), "The same in bytes of the journal."),
    ]

    private static let running: [ConfigurationKey] = [
        .init("loops", .integer(\.loops, 0...64), "Event loops, each a thread; 0: one per core."),
        .init("readers", .integer(\.readers, 1...16), "Threads that read cold rows and pages from disk."),
        .init(
            "commandsPerLoopMax", .automatic(\.commandsPerLoopMax, 16...1_000_000),
            "Commands of one event loop that may be under way at once; beyond it the loop stops reading its sockets."),
        .init(
            "commandBytesPerLoopMax", .automatic(\.commandBytesPerLoopMax, 1 << 20...1 << 32),
            "Bytes of the bodies and names of those commands."),
        .init(
            "pagesInFlightMax", .automatic(\.pagesInFlightMax, 1...4096),
            "Pages of replay, of 64 KiB and more, that are on their way from disk at once."),
        .init(
            "drainSeconds", .integer(\.drainSeconds, 0...3600),
            "After SIGTERM, clients are asked to leave spread over this time; the rest of the stop takes at most 5 seconds more."),
        .init(
            "logUsers", .logUsers(\.logUsers),
            "How the log names users: not at all, by a keyed hash (with clients' addresses as /24 and /48), or by name (with IPv4 addresses whole and IPv6 ones as /64)."
        ),
    ]

    private static let connections: [ConfigurationKey] = [
        .init(
            "connectionsMax", .automatic(\.connectionsMax, 1...16_000_000),
            "Connections at once; beyond it: `gatewayFull`. The system's descriptor limit holds as well."),
        .init(
            "connectionsPerAddressMax", .integer(\.connectionsPerAddressMax, 1...16_000_000),
            "Connections at once from one IPv4 address or IPv6 /64; a carrier puts thousands of phones behind one. TLS handshakes count apart."
        ),
        .init("handshakeSeconds", .integer(\.handshakeSeconds, 1...300), "Time for the TLS handshake and the PROXY header."),
        .init("firstFrameSeconds", .integer(\.firstFrameSeconds, 1...300), "Time from the handshake to a whole HELLO or RESUME."),
        .init(
            "heartbeatSecondsMin", .integer(\.heartbeatSecondsMin, 1...86400),
            "The shortest heartbeat interval that clients are asked to use."),
        .init(
            "heartbeatSecondsMax", .integer(\.heartbeatSecondsMax, 1...86400),
            "The longest; a connection that is silent for one and a half of it is closed."),
        .init(
            "paceSecondsMax", .integer(\.paceSecondsMax, 1...604800),
            "The longest silence that a client may ask for with PACE (background, power saving)."),
        .init(
            "frameBytesMax", .integer(\.frameBytesMax, 4096...WireLimits.frameBytesCeiling),
            "The longest frame, without its kind and length."),
        .init(
            "bodyBytesMax", .integer(\.bodyBytesMax, 1024...WireLimits.frameBytesCeiling),
            "The longest body of a message; at most frameBytesMax - 64."),
        .init("sendsInFlightMax", .integer(\.sendsInFlightMax, 1...127), "SENDs of one connection that may be unanswered at once."),
        .init(
            "creditMessages", .integer(\.creditMessages, 1...65536),
            "Messages that are sent to a connection before it must acknowledge, unless it asks for fewer."),
        .init("creditBytes", .integer(\.creditBytes, 1024...1 << 30), "The same in bytes of bodies."),
        .init(
            "controlFramesPerSecondMax", .integer(\.controlFramesPerSecondMax, 1...10_000_000),
            "Frames other than new messages and new acknowledgements, per connection, lasting; beyond it: `rateLimited`."),
        .init("controlFramesBurstMax", .integer(\.controlFramesBurstMax, 16...4_000_000), "The same in a burst."),
        .init(
            "bytesPerSecondMax", .integer(\.bytesPerSecondMax, 65536...1 << 29),
            "Bytes per second that one connection may send, lasting, and four times as many in a burst; beyond it: `rateLimited`."),
        .init(
            "unsentBytesMax", .integer(\.unsentBytesMax, 64 << 10...1 << 30),
            "Bytes that wait for one connection's socket; beyond it: `slowConsumer`."),
        .init("stallSeconds", .integer(\.stallSeconds, 1...3600), "How long a connection may take nothing of what waits for it."),
        .init(
            "retryAfterSeconds", .integer(\.retryAfterSeconds, 1...1200),
            "Whom the gateway has no room for is told to come back after one to three times this time, each at another moment."),
    ]

    private static let storms: [ConfigurationKey] = [
        .init(
            "stormControl", .flag(\.stormControl),
            "Openings (HELLO, RESUME) beyond what the machine can take now wait their turn, or are told when to come back. false: all at once."
        ),
        .init(
            "openingsInFlightMax", .integer(\.openingsInFlightMax, 1...65536),
            "Openings of one event loop between admission and WELCOME at once, eight times as many while nobody sends; the control lowers it while messages suffer."
        ),
        .init(
            "openingWaitSeconds", .integer(\.openingWaitSeconds, 0...20),
            "How long an opening may wait its turn; who would wait longer is told when to come back (`overloaded`), each at another moment."
        ),
        .init(
            "slotsMax", .integer(\.slotsMax, 0...16_000_000),
            "Sessions that were told when to come back and are remembered, so that they go first then."),
        .init(
            "listenBacklog", .integer(\.listenBacklog, 16...1 << 20),
            "Connections of one listener and event loop that may wait to be accepted; net.core.somaxconn limits it, see holdfast doctor."),
        .init(
            "acceptsPerTurnMax", .integer(\.acceptsPerTurnMax, 1...4096),
            "Connections that a listener's event loop accepts before it looks after the others again."),
        .init(
            "handshakeStepsPerTurnMax", .integer(\.handshakeStepsPerTurnMax, 1...256),
            "Steps of TLS handshakes, up to a millisecond each, that a loop does before it looks after the others again."),
        .init(
            "handshakeBacklogSeconds", .integer(\.handshakeBacklogSeconds, 0...300),
            "Connections that would wait longer than this for their TLS handshake are closed before it. 0: none are."),
    ]

    private static let sessions: [ConfigurationKey] = [
        .init("sessionDays", .integer(\.sessionDays, 1...3650), "How long a session outlives its last connection."),
        .init("devicesPerUserMax", .integer(\.devicesPerUserMax, 1...200), "Sessions of one user; beyond it: `tooManyDevices`."),
        .init("ticketDays", .integer(\.ticketDays, 1...3650), "How long a ticket opens its session without a token."),
        .init(
            "ticketKeyHours", .integer(\.ticketKeyHours, 1...8760),
            "How often a new ticket key is made; old ones stay until their tickets have expired."),
        .init("inboxMessagesMax", .integer(\.inboxMessagesMax, 1...100_000_000), "Messages that are kept for one user."),
        .init("inboxBytesMax", .integer(\.inboxBytesMax, 64 << 10...1 << 31 - 1), "Bytes of bodies that are kept for one user."),
        .init("inboxDays", .integer(\.inboxDays, 1...3650), "Older messages expire; the recipient gets a GAP."),
        .init(
            "idempotencyKeysMax", .integer(\.idempotencyKeysMax, 2...1_000_000_000),
            "Idempotency-Keys of backends' requests that are kept: each for 7 days while fewer than half of that are, for less as they get more, down to a day; when all are used, requests with new keys are refused. About 80 bytes on disk each."
        ),
        .init(
            "inboxPolicy", .inboxPolicy(\.inboxPolicy),
            "When an inbox is full: refuse the sender, or drop the oldest with a GAP for the recipient."),
        .init(
            "clockAheadYearsMax", .integer(\.clockAheadYearsMax, 1...1000),
            "A clock that is further ahead of the last stored time is not believed: times go on from there. Raise it if the clock is right."
        ),
    ]

    private static let storage: [ConfigurationKey] = [
        .init(
            "storageBytesMax", .integer(\.storageBytesMax, 64 << 20...1 << 46),
            "Room that the journal and the store may each take on disk; new messages are refused when the reserve, of a small limit a quarter, is left."
        ),
        .init("checkpointEntries", .automatic(\.checkpointEntries, 1000...100_000_000), "Changed entries after which a checkpoint is due."),
        .init(
            "checkpointEntriesMax", .automatic(\.checkpointEntriesMax, 2000...200_000_000),
            "Changed entries at which senders are slowed: what a start replays at most."),
        .init(
            "reserveBytes", .integer(\.reserveBytes, 1 << 20...1 << 34),
            "Room kept back so that acknowledgements, trims and checkpoints still commit on a full disk; below it new messages are refused."
        ),
        .init(
            "cachedUsersMax", .automatic(\.cachedUsersMax, 1000...100_000_000),
            "Users in memory beyond which those who are away are dropped."
        ),
        .init(
            "cachedLookupsMax", .automatic(\.cachedLookupsMax, 1000...100_000_000), "Names, devices and conversations kept in memory, each."
        ),
    ]
}
