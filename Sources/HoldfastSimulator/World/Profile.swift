import HoldfastConnection
import HoldfastCore
import HoldfastTestSupport
import HoldfastWire

/// A phone of a run: whose, which, and what its app is like.
struct PhoneProfile {
    enum App {
        /// Acknowledges a while after it has shown a message.
        case plain
        /// Stores the position together with the message's effect, in one transaction.
        case transactional
    }

    var user: String
    var device: String
    var app: App
    var isSendOnly = false
    /// Whom its tokens let it write to; nil: everybody.
    var limit: RecipientLimit?
    /// Another phone has the same user and device.
    var isTwin = false
    var resolvesPeers = true
    /// Nobody has it in hand before this time.
    var firstUse: UInt64 = 0
}

/// What is drawn once for a run: who is there, what the gateway is configured to, what the network is like.
struct Profile {
    var phones: [PhoneProfile] = []
    /// Names that are written to; some have no phone until the end.
    var users: [String] = []
    var core = CoreConfiguration()
    var connection = ConnectionSettings()
    var loops = 1
    /// Commands and bytes that a loop may have under way.
    var commandsMax = 64
    var commandBytesMax = 1 << 16
    var connectionsMax = 1_000
    var connectionsPerAddressMax = 20
    /// One way.
    var latency: ClosedRange<UInt64> = 5...80
    /// An address translation forgets a flow that was idle for so long; nil: never.
    var natMilliseconds: UInt64?
    var commitMilliseconds: ClosedRange<UInt64> = 1...8
    var journal = JournalProfile()
    var ticketKeySeconds: UInt64 = 3_600
    /// How long a token is good.
    var tokenSeconds: ClosedRange<UInt64> = 300...7_200

    /// Draws one.
    init(clients: Int, random: inout SeededRandom) {
        drawPhones(clients, &random)
        drawCore(&random)
        drawConnection(&random)
        loops = 1 + random.below(2)
        commandsMax = random.chance(0.3) ? 4 + random.below(8) : 64 + random.below(200)
        commandBytesMax = random.chance(0.3) ? 1_200 : 1 << 16
        connectionsPerAddressMax = random.chance(0.2) ? 2 : 20
        // One for somebody who comes only at the end: full when connections linger that nobody has any more.
        connectionsMax = random.chance(0.2) ? clients + 1 : 1_000
        latency = random.chance(0.3) ? 50...1_500 : 5...80
        natMilliseconds = random.chance(0.4) ? 40_000 + random.within(0...400_000) : nil
        commitMilliseconds = random.chance(0.2) ? 20...200 : 1...8
        ticketKeySeconds = 600 + random.within(0...7_200)
        journal = JournalProfile(&random)
        core.batchBytesMax = random.chance(0.4) ? 100 + random.below(2_000) : 8 << 20
    }

    private mutating func drawPhones(_ clients: Int, _ random: inout SeededRandom) {
        for index in 0..<clients {
            let known = phones.filter { !$0.isSendOnly }
            var phone = PhoneProfile(user: "user\(index)", device: "phone", app: random.chance(0.3) ? .transactional : .plain)
            let kind = random.below(100)
            if index >= 2, kind < 25, let other = known.randomElement(using: &random) {
                phone.user = other.user
                phone.device = "tablet\(index)"
            } else if index >= 2, kind < 33, let twin = phones.indices.filter({ !phones[$0].isSendOnly }).randomElement(using: &random) {
                phones[twin].isTwin = true
                phone = phones[twin]
            } else if index >= 2, kind < 43 {
                phone.device = "backend"
                phone.isSendOnly = true
            }
            phone.resolvesPeers = random.chance(0.8)
            phone.firstUse = random.chance(0.15) ? random.within(60_000...3_000_000) : random.within(0...30_000)
            phones.append(phone)
        }
        users = Array(Set(phones.filter { !$0.isSendOnly }.map(\.user))).sorted()
        if random.chance(0.5) { users.append("absent") }
        drawLimits(random)
    }

    /// Some may write to a part of the others. From a copy: what else is drawn doesn't depend on it.
    private mutating func drawLimits(_ copy: SeededRandom) {
        var random = copy
        var limits: [String: RecipientLimit?] = [:]
        for index in phones.indices {
            // A twin's tokens are of the same issuer.
            let name = "\(phones[index].user)/\(phones[index].device)"
            let drawn =
                random.chance(0.25) ? RecipientLimit(users.filter { _ in random.chance(0.5) } + (random.chance(0.2) ? ["abs*"] : [])) : nil
            phones[index].limit = limits[name] ?? drawn
            limits[name] = phones[index].limit
        }
    }

    private mutating func drawCore(_ random: inout SeededRandom) {
        core.inboxPolicy = random.chance(0.5) ? .refuseSender : .evictWithGap
        core.inboxMessagesMax = UInt32(random.chance(0.5) ? 6 + random.below(30) : 5_000)
        core.inboxBytesMax = UInt32(random.chance(0.3) ? 1_500 + random.below(6_000) : 1 << 20)
        core.creditMessages = UInt32(random.chance(0.5) ? 1 + random.below(6) : 256)
        core.creditBytes = UInt32(random.chance(0.3) ? 200 + random.below(2_000) : 256 << 10)
        core.pageMessagesMax = 1 + random.below(8)
        core.pageBytesMax = 100 + random.below(3_000)
        core.pagesInFlightMax = 1 + random.below(4)
        core.cachedUsersMax = 2 + random.below(10)
        core.cachedLookupsMax = 2 + random.below(12)
        core.checkpointEntries = 5 + random.below(120)
        core.checkpointEntriesMax = 150 + random.below(100)
        core.checkpointMilliseconds = 5_000 + random.within(0...600_000)
        core.checkpointQuietEntries = 1 + random.below(60)
        core.checkpointSliceRows = 1 + random.below(6)
        core.turnSteps = random.chance(0.5) ? 1 + random.below(30) : 1_024
        core.trimSliceRecords = 1 + random.below(40)
        core.readKeysMax = 1 + random.below(8)
        core.expiryMilliseconds = 60_000
        core.expirySliceMessages = 1 + random.below(10)
        core.inboxDays = UInt32(2 + random.below(4))
        core.sessionDays = UInt32(3 + random.below(6))
        core.keySecondsMin = UInt32(43_200 + random.below(86_400))
        core.keySeconds = core.keySecondsMin + UInt32(random.below(200_000))
        core.idempotencyKeysMax = random.chance(0.3) ? 2 + random.below(8) : 5_000
        core.keySweepMilliseconds = 1_000 + random.within(0...600_000)
        core.keySweepSliceRows = 1 + random.below(8)
        core.auditDays = random.chance(0.3) ? UInt32(2 + random.below(4)) : 400
        core.auditSweepMilliseconds = 60_000
        core.auditSweepRows = 1 + random.below(5)
        core.devicesPerUserMax = max(8, phones.count)
        core.clock.earliest = UInt64(World.wallStart) - ClockRule.yearMilliseconds
        core.retryAfterMilliseconds = UInt32(500 + random.below(4_000))
    }

    private mutating func drawConnection(_ random: inout SeededRandom) {
        connection.limits.creditMessages = core.creditMessages
        connection.limits.creditBytes = core.creditBytes
        connection.limits.heartbeatSecondsMin = UInt32(15 + random.below(30))
        connection.limits.heartbeatSecondsMax = UInt32(60 + random.below(240))
        connection.limits.sendsInFlightMax = UInt8(random.chance(0.4) ? 1 + random.below(6) : 127)
        connection.limits.frames = WireLimits(frameBytesMax: 16 << 10)
        connection.ticketSeconds = UInt32(random.chance(0.3) ? 600 + random.below(7_200) : 30 * 86_400)
        connection.retryAfterSeconds = UInt32(1 + random.below(8))
        // So small that a few phones are a storm.
        if random.chance(0.6) { connection.storm.inFlightMax = 1 }
        if random.chance(0.5) { connection.storm.waitMilliseconds = 0 }
    }
}
