import HoldfastCore
import HoldfastTestSupport
import HoldfastWire

/// A core with tiny limits over storage in RAM: whatever commands come in whatever order, it doesn't trap, gives all credits back, and
/// comes back after a crash.
func fuzzCore(_ bytes: [UInt8]) {
    var input = FuzzInput(bytes)
    var configuration = CoreConfiguration()
    configuration.checkpointEntries = 6
    configuration.checkpointSliceRows = 2
    configuration.turnSteps = 3
    configuration.batchBytesMax = 150
    configuration.cachedUsersMax = 2
    configuration.cachedLookupsMax = 4
    configuration.inboxMessagesMax = UInt32(FuzzedCore.inboxMessagesMax)
    configuration.creditMessages = 2
    configuration.pageMessagesMax = 2
    configuration.devicesPerUserMax = 3
    configuration.inboxDays = 1
    configuration.auditDays = 1
    configuration.auditSweepMilliseconds = 1_000
    configuration.auditSweepRows = 2
    configuration.expiryMilliseconds = 1_000
    configuration.expirySliceMessages = 2
    if input.byte() & 1 == 1 { configuration.inboxPolicy = .evictWithGap }
    var storage = MemoryStorage()
    var now = CoreTime(wall: 1_000_000, monotonic: 0)
    var driver = try? FuzzedCore(storage: storage, configuration: configuration, now: now)
    while !input.isEmpty, driver != nil {
        let step = UInt64(input.byte())
        now.monotonic += step == 255 ? 50_000_000 : step * 10
        now.wall = input.byte() == 255 ? input.number(6) : now.wall + 10
        if input.byte() == 254 {
            storage = storage.crashCopy()
            driver = nil
            driver = try? FuzzedCore(storage: storage, configuration: configuration, now: now)
            precondition(driver != nil, "no start after a crash")
        }
        var requests: [(kind: UInt8, users: UInt8)] = []
        driver?.give(makeBatch(&input, &requests), now: now)
        driver?.give(requests, now: now)
        driver?.work(steps: Int(input.byte() & 7), now: now)
    }
    driver?.work(steps: 10_000, now: now)
    precondition(driver?.creditsOut == 0, "credits were lost")
    precondition(driver?.unanswered.isEmpty == true, "requests have no answer")
}

private func makeBatch(_ input: inout FuzzInput, _ requests: inout [(kind: UInt8, users: UInt8)]) -> CommandBatch {
    var batch = CommandBatch(door: 0)
    for _ in 0..<(input.byte() & 3) {
        let connection = ConnectionHandle(loop: 0, generation: 1, slot: UInt32(input.byte() & 7))
        // Most numbers are such that something comes of them; some are at the ends of their ranges.
        let edges = input.byte()
        func number() -> UInt64 { edges & 7 == 7 ? input.extreme() : input.number(1) }
        let session = SessionID(
            rawValue: edges & 15 == 15 ? input.extreme() : (1 + UInt64(input.byte() & 3)) << 24 | (1 + UInt64(input.byte() & 3)))
        let attach = AttachNumber(rawValue: UInt32(truncatingIfNeeded: number()))
        // What the connection machine lets through.
        func sequence() -> MessageSequence { MessageSequence(rawValue: min(number(), MessageSequence.max.rawValue)) }
        let origin = Origin(connection: connection, session: session, attach: attach)
        let state = PresentedState(
            session: session, attach: attach, position: Position(rawValue: number()), lastSequence: sequence())
        func text(_ name: String) -> ByteRange { batch.append(Array(name.utf8)) }
        // A byte that says something already, so that older inputs stay what they are.
        func limit() -> ByteRange? { edges & 48 == 48 ? batch.append(RecipientLimit(["user1", "user2*"])?.encoded ?? []) : nil }
        let user = text("user\(input.byte() & 3)")
        switch input.byte() % 12 {
        case 0:
            batch.commands.append(
                .hello(
                    connection: connection, user: user, device: text("device\(input.byte() & 3)"), limit: limit(),
                    isSendOnly: input.byte() & 3 == 0, isService: false, issuedAt: UInt32(edges),
                    state: input.byte() & 1 == 0 ? nil : state))
        case 1: batch.commands.append(.resume(connection: connection, state: state))
        case 2:
            batch.commands.append(
                .send(
                    origin, sequence(), .text, ConversationNumber(rawValue: edges & 7 == 7 ? input.extreme() : input.number(1) & 7),
                    body: text("b")))
        case 3: batch.commands.append(.sendTo(origin, sequence(), .text, user: user, body: text("body")))
        case 4: batch.commands.append(.acknowledge(origin, ShortPosition(rawValue: number())))
        case 5:
            batch.commands.append(
                .credit(origin, messages: UInt32(truncatingIfNeeded: number()), bytes: UInt32(truncatingIfNeeded: number())))
        case 6: batch.commands.append(.lookup(origin, ConversationNumber(rawValue: edges & 7 == 7 ? input.extreme() : input.number(1) & 7)))
        case 7: batch.commands.append(.logout(origin))
        case 8:
            batch.commands.append(
                .authenticate(
                    origin, user: user, device: input.byte() & 1 == 0 ? 0..<0 : text("device0"), limit: limit(), issuedAt: UInt32(edges)))
        case 9: batch.commands.append(.detach(connection: connection, session: session))
        default: requests.append((input.byte(), input.byte()))
        }
    }
    return batch
}

/// A request by the port.
private func append(_ request: (kind: UInt8, users: UInt8), number: UInt64, to batch: inout CommandBatch) {
    let reply = ReplyID(door: batch.door, number: number)
    func text(_ text: [UInt8]) -> ByteRange { batch.append(text) }
    let user = Array("user\(request.users & 3)".utf8)
    switch request.kind & 3 {
    case 1 where request.kind & 4 != 0: batch.commands.append(act(request, reply, user, &batch))
    case 0 where request.kind & 68 == 68: batch.commands.append(feed(request, reply, user, &batch))
    case 0 where request.kind & 4 != 0:
        let name = HoldName(HoldName.Kind.allCases[Int(request.users % 5)], "h\(request.users >> 6)")
        let hold = Hold(
            floor: Position(rawValue: UInt64(request.users)), ageMax: UInt32(request.kind & 16), bytesMax: UInt64(request.kind & 32))
        batch.commands.append(.hold(reply, batch.append(request.kind & 8 == 0 ? .set(name, hold) : .release(name))))
    case 0 where request.kind & 8 != 0: batch.commands.append(.ask(reply, .inbox(user: text(user))))
    case 0: batch.commands.append(.ask(reply, .sessions(user: text(user))))
    case 1: batch.commands.append(.ask(reply, .users(after: UInt64(request.users), prefix: 0..<0, limit: 1 + Int(request.kind >> 4))))
    default:
        // The same one twice, now and then.
        let count = 1 + Int(request.kind >> 5)
        let names = (0..<count).map { Array("user\(request.users >> 2 &+ UInt8($0) & 7)".utf8) }
        let upload = ReplyID(door: batch.door, number: request.kind & 4 == 0 ? number : 1)
        batch.commands.append(
            .push(
                PushCommand(
                    reply: reply, order: OrderKey(upload), account: text(user),
                    recipients: batch.append(names: names), recipientCount: count, mustExist: request.kind & 8 == 0,
                    key: RequestKey(high: 0, low: number), fingerprint: 0, kind: .text, tag: text([]), body: text([98]))))
    }
}

/// What a consumer of the feed says or asks.
private func feed(_ request: (kind: UInt8, users: UInt8), _ reply: ReplyID, _ user: [UInt8], _ batch: inout CommandBatch) -> Command {
    let name = HoldName(.consumer, "c\(request.users >> 7)")
    let place = FeedPlace(Position(rawValue: UInt64(request.users >> 2 & 31)), request.kind & 128 == 0 ? .max : 0)
    let filter = FeedFilter(types: FeedEventTypes(rawValue: UInt16(request.users) << 2 | 3), user: request.users & 1 == 0 ? [] : user)
    switch request.kind >> 3 & 7 {
    case 0: return .hold(reply, batch.append(.register(name, .init(filter: filter, start: .kept, users: [user], ageMax: 9, bytesMax: 99))))
    case 1: return .hold(reply, batch.append(.register(name, .init(filter: filter, start: .after(place), ageMax: 0, bytesMax: 0))))
    case 2, 3: return .hold(reply, batch.append(.acknowledge(name, place)))
    case 4: return .ask(reply, .consumers)
    case 5: return .consume(reply, batch.appendConsumed(user: user, device: Array("device0".utf8), through: place.position))
    default:
        return .ask(
            reply,
            batch.appendEvents(
                after: place, filter, consumer: name.id, limit: 1 + Int(request.users >> 4), wantsBodies: request.users & 2 == 0))
    }
}

/// What an operator does, or asks of what was done.
private func act(_ request: (kind: UInt8, users: UInt8), _ reply: ReplyID, _ user: [UInt8], _ batch: inout CommandBatch) -> Command {
    let session = SessionID(rawValue: (1 + UInt64(request.users >> 2 & 3)) << 24 | (1 + UInt64(request.users >> 4 & 3)))
    let isNamed = request.users & 128 == 0
    let name = isNamed ? user : []
    let act: Act
    switch request.kind >> 3 & 7 {
    case 0: return .ask(reply, .audit(after: Position(rawValue: UInt64(request.users)), limit: 1 + Int(request.kind >> 6)))
    case 1: act = .revokeSession(session)
    case 2: act = .disconnectSession(session, retryAfterMilliseconds: 7)
    case 3:
        return .act(
            reply, batch.append(.revokeDevice(Array("device\(request.users >> 2 & 3)".utf8)), on: user, by: .token([]), requestID: []))
    case 4: return .act(reply, batch.append(.revokeTokens(before: UInt32(request.users)), on: user, by: .token(user), requestID: [7]))
    case 5: return .act(reply, batch.append(.unblock, on: user, by: .token(user), requestID: [7]))
    case 6:
        let block = Act.block(until: UInt32(request.users >> 2) * 100, reason: [1])
        return .act(reply, batch.append(block, on: user, by: .token([]), requestID: []))
    default: return .act(reply, batch.append(.disconnect(retryAfterMilliseconds: 0), on: user, by: .token([]), requestID: []))
    }
    return .act(reply, batch.append(act, on: name, by: .process(uid: 0, pid: 1), requestID: []))
}

/// Every job is done at once.
private final class FuzzedCore {
    static let inboxMessagesMax = 4
    private var core: CoreTurn
    private let storage: MemoryStorage
    private(set) var creditsOut = 0
    private(set) var unanswered: Set<UInt64> = []
    private var lastNumber: UInt64 = 0

    init(storage: MemoryStorage, configuration: CoreConfiguration, now: CoreTime) throws {
        self.storage = storage
        core = CoreTurn(
            try Core.recover(storage: storage, configuration: configuration, loops: 1, ports: 1, now: now, writesCheckpoints: true),
            ports: 1)
    }

    func give(_ batch: CommandBatch, now: CoreTime) {
        for command in batch.commands { creditsOut += command.credits }
        core.take(.commands(batch, done: nil), now: now)
    }

    func give(_ requests: [(kind: UInt8, users: UInt8)], now: CoreTime) {
        var batch = CommandBatch(door: 1)
        for request in requests {
            lastNumber += 1
            unanswered.insert(lastNumber)
            append(request, number: lastNumber, to: &batch)
        }
        give(batch, now: now)
    }

    func work(steps: Int, now: CoreTime) {
        var now = now
        do {
            try core.settle(on: storage, now: &now, stepMilliseconds: 200, stepsMax: steps) { _, effects in
                creditsOut -= effects.creditsReturned
                for reply in effects.replies {
                    precondition(unanswered.remove(reply.id.number) != nil, "a request is answered once")
                    check(reply.answer)
                }
            }
            if let violation = core.violation { preconditionFailure(violation) }
        } catch {
            preconditionFailure("the storage failed: \(error)")
        }
    }

    /// No inbox ever holds more than it may, and bodies have 1 to 4 bytes here.
    private func check(_ answer: PortAnswer) {
        if case .audit(let page, let position) = answer {
            precondition(page.entries.allSatisfy { $0.position <= position }, "a page tells of nothing later")
            precondition(zip(page.entries, page.entries.dropFirst()).allSatisfy { $0.position < $1.position }, "a page has an order")
        }
        if case .events(let page, let position) = answer {
            precondition(position < storage.nextPosition, "a page is of what is synced")
            precondition(page.events.allSatisfy { $0.place <= page.next }, "a page ends behind its events")
            precondition(zip(page.events, page.events.dropFirst()).allSatisfy { $0.place < $1.place }, "a page has an order")
        }
        guard case .inbox(let inbox, let position) = answer else { return }
        precondition(position < storage.nextPosition, "an answer is of what is synced")
        guard let inbox else { return }
        precondition(inbox.messages <= Self.inboxMessagesMax, "more messages wait than an inbox holds")
        precondition((inbox.messages...4 * inbox.messages).contains(inbox.bytes), "the bytes aren't those of as many messages")
    }
}
