import Foundation
import HoldfastCore
import HoldfastStorage
import HoldfastTestSupport
import HoldfastWire

/// Fills a data directory with users, sessions and queued messages, many times faster than phones could: the core itself runs over
/// the real storage, without network or threads, so that what it leaves is what a gateway would have left.
///
/// The users are `NAME-0`, `NAME-1`, ... with a session of the device `load` each; each has the same number of messages from one of the
/// senders `NAME-sender-0`... The bodies are those of `MessageBody`: the run is 0, the stream the user's number, the messages are numbered from 1.
final class DirectoryFill {
    /// What is to be made.
    struct Plan {
        var directory: String
        /// What the users' names begin with.
        var name = "filled"
        var users = 1_000_000
        var messagesPerUser = 10
        var bodyBytes = 100
        /// The messages are a backend's, each with an idempotency key.
        var isPushed = false

        /// A sender's name.
        func senderName(_ sender: Int) -> String { "\(name)-sender-\(sender)" }
    }

    static let device = "load"
    static let run: UInt32 = 0
    static let senderCount = 64
    private static let usersAtOnce = 2_000
    // Journal, timelines and rows of a message of 100 bytes take about 330; with room for pages that are half full.
    private static let bytesPerMessage = 450
    private static let bytesPerUser = 1_200
    /// A row of the ledger, in pages that are two thirds full, and the key in the record.
    private static let bytesPerKey = 150
    private static let portDoor = 1

    private let plan: Plan
    private var core: CoreTurn
    private let storage: LMDBStorage
    private let progress = ProgressLine()
    private var now: CoreTime
    private var senders: [Origin] = []
    private var sequences: [UInt64] = Array(repeating: 0, count: senderCount)
    private var welcomed: [Origin] = []
    private var stored = 0
    private var pushes: UInt64 = 0
    /// Keys are hashes, and lie anywhere in their table.
    private var keys = SeededRandom(seed: 1)

    /// Opens the directory, which is made if it isn't there.
    private init(_ plan: Plan) throws {
        self.plan = plan
        var configuration = CoreConfiguration()
        configuration.inboxMessagesMax = max(configuration.inboxMessagesMax, UInt32(clamping: plan.messagesPerUser))
        configuration.idempotencyKeysMax = .max / 2
        now = CoreTime(wall: UInt64(Date.now.timeIntervalSince1970 * 1000), monotonic: 0)
        storage = try LMDBStorage.open(directory: plan.directory, isIntact: { Record.isIntact($1) })
        core = CoreTurn(try Core.recover(storage: storage, configuration: configuration, loops: 1, ports: 1, now: now))
    }

    /// Makes it. The directory must not be in use.
    static func run(_ plan: Plan) throws {
        try FreeDisk.check(
            plan.directory,
            bytes: plan.users * (bytesPerUser + plan.messagesPerUser * (bytesPerMessage + (plan.isPushed ? bytesPerKey : 0))))
        let fill = try DirectoryFill(plan)
        try fill.run()
    }

    private func run() throws {
        defer { progress.end() }
        var batch = CommandBatch(door: 0)
        for sender in 0..<Self.senderCount { hello(plan.senderName(sender), slot: UInt32(sender), isSendOnly: true, &batch) }
        try settle(batch)
        senders = welcomed
        for start in stride(from: 0, to: plan.users, by: Self.usersAtOnce) {
            let users = start..<min(start + Self.usersAtOnce, plan.users)
            try begin(users)
            try send(to: users)
            progress.show("filling \(plan.directory): \(users.upperBound) of \(plan.users) users")
        }
        core.take(.finish, now: now)
        while !core.isFinished { try settle(CommandBatch(door: 0)) }
        guard stored == plan.users * plan.messagesPerUser else {
            throw LoadError("\(plan.directory): only \(stored) of \(plan.users * plan.messagesPerUser) messages were stored")
        }
    }

    /// Users who log in with a new device, and go.
    private func begin(_ users: Range<Int>) throws {
        var batch = CommandBatch(door: 0)
        for user in users {
            hello("\(plan.name)-\(user)", slot: UInt32(Self.senderCount + user - users.lowerBound), isSendOnly: false, &batch)
        }
        try settle(batch)
        guard welcomed.count == users.count else {
            throw LoadError("\(plan.directory): only \(welcomed.count) of \(users.count) sessions began")
        }
        batch = CommandBatch(door: 0)
        batch.commands = ContiguousArray(welcomed.map { .detach(connection: $0.connection, session: $0.session) })
        try settle(batch)
    }

    private func send(to users: Range<Int>) throws {
        guard plan.messagesPerUser > 0 else { return }
        if plan.isPushed { return try push(to: users) }
        var batch = CommandBatch(door: 0)
        for user in users {
            let sender = user % Self.senderCount
            let name = append(Array("\(plan.name)-\(user)".utf8), to: &batch)
            for number in 1...plan.messagesPerUser {
                sequences[sender] += 1
                let body = MessageBody(run: Self.run, stream: UInt32(user), number: UInt64(number), sentAt: 0)
                let range = append(body.encoded(byteCount: plan.bodyBytes), to: &batch)
                batch.commands.append(
                    .sendTo(senders[sender], MessageSequence(rawValue: sequences[sender]), .text, user: name, body: range))
            }
        }
        try settle(batch)
    }

    private func push(to users: Range<Int>) throws {
        var batch = CommandBatch(door: Self.portDoor)
        let account = append(Array("\(plan.name)-backend".utf8), to: &batch)
        for user in users {
            let recipients = batch.append(names: [Array("\(plan.name)-\(user)".utf8)])
            for number in 1...plan.messagesPerUser {
                pushes += 1
                let body = MessageBody(run: Self.run, stream: UInt32(user), number: UInt64(number), sentAt: 0)
                let reply = ReplyID(door: Self.portDoor, number: pushes)
                batch.commands.append(
                    .push(
                        PushCommand(
                            reply: reply, order: OrderKey(reply), account: account, recipients: recipients, recipientCount: 1,
                            mustExist: false, key: RequestKey(high: keys.next(), low: keys.next()),
                            fingerprint: pushes, line: 0, timeToLive: 0, isTracked: false, kind: .text, tag: 0..<0,
                            body: append(body.encoded(byteCount: plan.bodyBytes), to: &batch))))
            }
        }
        try settle(batch)
    }

    private func hello(_ user: String, slot: UInt32, isSendOnly: Bool, _ batch: inout CommandBatch) {
        let user = append(Array(user.utf8), to: &batch)
        let device = append(Array(Self.device.utf8), to: &batch)
        batch.commands.append(
            .hello(
                connection: ConnectionHandle(loop: 0, generation: 1, slot: slot), user: user, device: device, isSendOnly: isSendOnly,
                isService: false, state: nil))
    }

    private func append(_ bytes: [UInt8], to batch: inout CommandBatch) -> ByteRange {
        batch.bytes += bytes
        return batch.bytes.count - bytes.count..<batch.bytes.count
    }

    /// Carries out all that the core wants until it wants nothing.
    private func settle(_ batch: CommandBatch) throws {
        welcomed.removeAll(keepingCapacity: true)
        core.take(.commands(batch, done: nil), now: now)
        try core.settle(on: storage, now: &now) { _, effects in
            for effect in effects.effects { try take(effect) }
            for reply in effects.replies {
                guard case .pushed(let pushed) = reply.answer, pushed.refusals.allSatisfy({ $0 == nil }) else {
                    throw LoadError("\(plan.directory): a push was answered with \(reply.answer): fill an empty directory")
                }
                stored += 1
            }
        }
    }

    private func take(_ effect: Effect) throws {
        switch effect {
        case .welcome(let connection, let attached):
            welcomed.append(Origin(connection: connection, session: attached.session, attach: attached.attach))
        case .sent(let connection, let sequence, _):
            let sender = Int(connection.slot)
            // Cumulative: what it covers beyond the last one.
            stored += Int(sequence.rawValue) - acknowledged[sender]
            acknowledged[sender] = Int(sequence.rawValue)
        case .refused(_, _, let code, _):
            throw LoadError(
                "\(plan.directory): a message was refused with code \(code): fill an empty directory, with fewer --messages for each user")
        default: break
        }
    }

    private var acknowledged: [Int] = Array(repeating: 0, count: senderCount)
}
