import HoldfastWire

@testable import HoldfastCore

/// A simulated client on one device: as little as the protocol asks for, with a check of everything that comes.
final class Phone {
    struct Item {
        var sequence: UInt64
        var text: String
        var to: String
        var size: Int
    }

    let harness: CoreHarness
    let user: String
    let device: String
    let isSendOnly: Bool
    /// When its token was issued, in seconds since 1970.
    var issuedAt: UInt32 = 0
    /// Whom its token lets it write to.
    var limit: RecipientLimit?

    // What it keeps.
    var state: PresentedState?
    var outbox: [Item] = []
    /// The last number that it bound to a message.
    var boundThrough: UInt64 = 0
    /// What the gateway is known to have stored.
    var confirmedThrough: UInt64 = 0

    // Its connection.
    private(set) var connection = ConnectionHandle.none
    private(set) var isOpen = false
    private(set) var attach = AttachNumber.none
    private var presented: PresentedState?
    /// The end of the stream.
    private(set) var end = Position.zero
    private(set) var acknowledged = Position.zero
    /// Received and not acknowledged: position and bytes, for the window.
    private var outstanding: [(position: Position, size: Int)] = []

    /// What the last connection heard, for tests that look closer.
    private(set) var welcomes: [Effect.Attached] = []
    private(set) var previous: [(session: SessionID, lastSequence: MessageSequence?)] = []
    private(set) var texts: [String] = []
    private(set) var ownTexts: [String] = []
    private(set) var gaps: [(through: Position, count: UInt32, reason: GapReason)] = []
    private(set) var skips = 0
    private(set) var refusals: [(sequence: UInt64, code: RefusalCode)] = []
    private(set) var closes: [CloseCode] = []
    private(set) var retryAfterMilliseconds: UInt32 = 0
    private(set) var peers: [ConversationNumber: String] = [:]
    private(set) var sentCount = 0
    /// Fresh tokens that were taken.
    private(set) var renewals = 0
    /// What a refusal leads to: take the message out, or wait.
    var takesOutRefused = true
    var acknowledgesByItself = false
    var creditMessages: Int

    init(_ harness: CoreHarness, user: String, device: String = "phone", isSendOnly: Bool = false) {
        self.harness = harness
        self.user = user
        self.device = device
        self.isSendOnly = isSendOnly
        creditMessages = Int(harness.configuration.creditMessages)
    }

    var name: String { "\(user)/\(device)" }
    var session: SessionID { state?.session ?? SessionID(rawValue: 0) }
    var isConnected: Bool { connection != .none }
    var origin: Origin { Origin(connection: connection, session: session, attach: attach) }

    // MARK: Doing

    func hello(withState: Bool = true) {
        open()
        presented = withState ? state : nil
        if !withState { forget() }
        harness.note("\(name) hello \(describe(presented)) as \(connection.slot)")
        harness.submit(to: connection.loop, texts: [Array(user.utf8), Array(device.utf8), limit?.encoded ?? []]) {
            .hello(
                connection: connection, user: $0[0], device: $0[1], limit: limit == nil ? nil : $0[2], isSendOnly: isSendOnly,
                isService: false, issuedAt: issuedAt, state: presented)
        }
    }

    func resume() {
        guard let state else { return hello() }
        open()
        presented = state
        harness.note("\(name) resume \(describe(state)) as \(connection.slot)")
        harness.submit(to: connection.loop) { _ in .resume(connection: connection, state: state) }
    }

    private func open() {
        connection = harness.newConnection()
        isOpen = false
    }

    /// The app's data are gone.
    func forget() {
        state = nil
        outbox = []
        boundThrough = 0
        confirmedThrough = 0
    }

    /// The connection breaks; the loop tells the core.
    func drop() {
        guard isConnected else { return }
        harness.note("\(name) drops \(connection.slot)")
        let session = isOpen ? session : SessionID(rawValue: 0)
        let connection = connection
        harness.submit(to: connection.loop) { _ in .detach(connection: connection, session: session) }
        lost()
    }

    /// The process at the other end died.
    func lost() {
        connection = .none
        isOpen = false
    }

    func send(_ text: String, to user: String, size: Int = 8) {
        boundThrough += 1
        outbox.append(Item(sequence: boundThrough, text: text, to: user, size: size))
        if isOpen, let last = outbox.last { submit(last) }
    }

    func submit(_ item: Item, conversation: ConversationNumber? = nil) {
        var body = Array(item.text.utf8)
        if body.count < item.size { body += Array(repeating: UInt8(ascii: "."), count: item.size - body.count) }
        let origin = origin
        let sequence = MessageSequence(rawValue: item.sequence)
        harness.note("\(name) sends \(item.sequence) \(item.text) to \(item.to)")
        if let known = conversation ?? peers.first(where: { $0.value == item.to })?.key {
            harness.submit(to: origin.connection.loop, texts: [body]) { .send(origin, sequence, .text, known, body: $0[0]) }
        } else {
            harness.submit(to: origin.connection.loop, texts: [Array(item.to.utf8), body]) {
                .sendTo(origin, sequence, .text, user: $0[0], body: $0[1])
            }
        }
    }

    /// Acknowledges what has come, up to the end of the stream or to a position before.
    func acknowledge(through position: Position? = nil) {
        guard isOpen, !isSendOnly else { return }
        let position = position ?? end
        guard position > acknowledged else { return }
        acknowledged = position
        outstanding.removeAll { $0.position <= position }
        let origin = origin
        harness.submit(to: origin.connection.loop) { _ in .acknowledge(origin, ShortPosition(position)) }
    }

    /// Shows a fresh token.
    func authenticate(issuedAt: UInt32 = 0) {
        let origin = origin
        harness.submit(to: origin.connection.loop, texts: [Array(user.utf8), limit?.encoded ?? []]) {
            .authenticate(origin, user: $0[0], device: 0..<0, limit: limit == nil ? nil : $0[1], issuedAt: issuedAt)
        }
    }

    /// Positions that could be acknowledged.
    var unacknowledged: [Position] { outstanding.map(\.position) }

    func setCredit(messages: UInt32, bytes: UInt32) {
        let origin = origin
        creditMessages = Int(messages)
        harness.submit(to: origin.connection.loop) { _ in .credit(origin, messages: messages, bytes: bytes) }
    }

    func lookup(_ number: ConversationNumber) {
        let origin = origin
        harness.submit(to: origin.connection.loop) { _ in .lookup(origin, number) }
    }

    func logout() {
        let origin = origin
        harness.note("\(name) logs out")
        harness.submit(to: origin.connection.loop) { _ in .logout(origin) }
    }

    // MARK: Hearing

    func hear(_ output: Output) {
        switch output.effect {
        case .welcome(_, let attached): heard(attached)
        case .previous(_, let session, let lastSequence): previous.append((session, lastSequence))
        case .sent(_, let through, let position): heardSent(through, position)
        case .refused(_, let sequence, let code, _): heardRefused(sequence.rawValue, code)
        case .deliver(_, let delivery): heard(delivery, output.bytes)
        case .gap(_, let predecessor, let through, let count, let reason): heardGap(predecessor, through, count, reason)
        case .skip(_, let predecessor, let through): heardSkip(predecessor, through)
        case .conversation(_, let number, let type, _):
            if type == .oneToOne { peers[number] = String(decoding: output.bytes, as: UTF8.self) }
        case .authenticated: renewals += 1
        case .close(_, let code, let retryAfter):
            retryAfterMilliseconds = retryAfter
            heardClose(code)
        }
        if acknowledgesByItself { acknowledge() }
    }

    private func heard(_ attached: Effect.Attached) {
        harness.note(
            "\(name) welcome \(attached.outcome) session \(attached.session.rawValue) attach \(attached.attach.rawValue) cursor \(attached.cursor.rawValue)"
        )
        welcomes.append(attached)
        isOpen = true
        let isSame = attached.session == presented?.session && attached.outcome == .resumed
        if attached.outcome == .resumed, let presented, attached.session == presented.session {
            if attached.attach <= presented.attach { harness.fail("\(name): attach doesn't rise") }
            if presented.position.era == attached.era, !isSendOnly { checkCursor(attached.cursor, presented.position) }
        }
        if !isSame { renumber(attached) }
        state = PresentedState(
            session: attached.session, attach: attached.attach, position: attached.cursor, lastSequence: attached.lastSequence)
        attach = attached.attach
        end = attached.cursor
        acknowledged = attached.cursor
        outstanding = []
        creditMessages = Int(harness.configuration.creditMessages)
        if attached.lastSequence.rawValue < confirmedThrough { harness.fail("\(name): the gateway forgot what it confirmed") }
        confirmed(attached.lastSequence.rawValue)
        for item in outbox { submit(item) }
    }

    /// The cursor may be beyond what was presented only by the session's own sends.
    private func checkCursor(_ cursor: Position, _ presented: Position) {
        if cursor < presented { harness.fail("\(name): the presented position \(presented.rawValue) didn't count: \(cursor.rawValue)") }
        for position in harness.stored.inbox(of: harness.stored.number(of: user), after: presented, through: cursor)
        where harness.stored.messages[position]?.record.session != session {
            harness.fail("\(name): \(position.rawValue) is left out at a resume")
        }
    }

    /// Another session: of the old outbox what isn't known is given up.
    private func renumber(_ attached: Effect.Attached) {
        outbox = []
        boundThrough = attached.lastSequence.rawValue
        confirmedThrough = 0
    }

    private func confirmed(_ through: UInt64) {
        confirmedThrough = max(confirmedThrough, through)
        outbox.removeAll { $0.sequence <= through }
        if boundThrough < through { boundThrough = through }
    }

    private func heardSent(_ through: MessageSequence, _ position: Position) {
        sentCount += 1
        let stored = harness.stored.stored[session] ?? []
        if stored.count < Int(through.rawValue) || stored[Int(through.rawValue) - 1] != position {
            harness.fail("\(name): SENT \(through.rawValue) at \(position.rawValue) isn't what the journal has")
        }
        confirmed(through.rawValue)
    }

    private func heardRefused(_ sequence: UInt64, _ code: RefusalCode) {
        harness.note("\(name) refused \(sequence) \(code)")
        refusals.append((sequence, code))
        // REQ-ATTACH-9
        if let attach = state?.attach { state?.attach = AttachNumber(rawValue: attach.rawValue + 1) }
        if takesOutRefused {
            outbox.removeAll { $0.sequence == sequence }
            for index in outbox.indices where outbox[index].sequence > sequence { outbox[index].sequence -= 1 }
            boundThrough -= 1
        }
        for item in outbox where item.sequence >= sequence { submit(item) }
    }

    private func heard(_ delivery: Effect.Delivery, _ body: [UInt8]) {
        let stored = harness.stored
        let text = String(decoding: body.prefix { $0 != UInt8(ascii: ".") }, as: UTF8.self)
        harness.note("\(name) gets \(delivery.position.rawValue) \(text)")
        step(from: delivery.predecessor, to: delivery.position)
        guard let message = stored.messages[delivery.position] else {
            return harness.fail("\(name): nothing is stored at \(delivery.position.rawValue)")
        }
        let number = stored.number(of: user)
        let isOwn = message.record.sender == number
        let conversation = (message.record.recipients.of(number) ?? message.record.recipients.first).conversation
        if message.text != text || conversation != delivery.conversation || message.record.time != delivery.time
            || message.record.kind != delivery.kind || isOwn != delivery.isOwn
        {
            harness.fail("\(name): \(delivery.position.rawValue) isn't delivered as stored")
        }
        if message.record.session == session { harness.fail("\(name): own send is delivered") }
        if stored.inbox(of: number, after: delivery.predecessor, through: delivery.position) != [delivery.position] {
            harness.fail("\(name): a hole between \(delivery.predecessor.rawValue) and \(delivery.position.rawValue)")
        }
        if isSendOnly { harness.fail("\(name): delivery to a send-only session") }
        if outstanding.count >= creditMessages, outstanding.count >= Int(harness.configuration.creditMessages) {
            harness.fail("\(name): more than the credit is unacknowledged")
        }
        outstanding.append((delivery.position, body.count))
        texts.append(text)
        if delivery.isOwn { ownTexts.append(text) }
    }

    private func heardSkip(_ predecessor: Position, _ through: Position) {
        step(from: predecessor, to: through)
        skips += 1
        for position in harness.stored.inbox(of: harness.stored.number(of: user), after: predecessor, through: through)
        where harness.stored.messages[position]?.record.session != session {
            harness.fail("\(name): \(position.rawValue) is skipped and isn't its own")
        }
    }

    private func heardGap(_ predecessor: Position, _ through: Position, _ count: UInt32, _ reason: GapReason) {
        harness.note("\(name) gap \(predecessor.rawValue) to \(through.rawValue), \(count) \(reason)")
        step(from: predecessor, to: through)
        gaps.append((through, count, reason))
        let number = harness.stored.number(of: user)
        let lost = harness.stored.inbox(of: number, after: predecessor, through: through)
        // Directly after a resume the gateway may count what the client had and hadn't acknowledged.
        let isFirst = predecessor == welcomes.last?.cursor && count >= lost.count
        if lost.count != Int(count), !isFirst { harness.fail("\(name): gap of \(count) where \(lost.count) are missing") }
        // One message alone may have outlived what it was worth.
        let message = harness.stored.messages[through]?.record
        if reason == .expired, count == 1, message?.isExpired(at: harness.core.clock.age) == true { return }
        if !(harness.stored.evictions[number] ?? []).contains(where: { $0.through >= through && $0.reason == reason }) {
            harness.fail("\(name): gap through \(through.rawValue) without its record")
        }
    }

    private func step(from predecessor: Position, to position: Position) {
        if predecessor != end { harness.fail("\(name): predecessor \(predecessor.rawValue) where \(end.rawValue) was the end") }
        if position <= end { harness.fail("\(name): position \(position.rawValue) doesn't rise") }
        end = position
        state?.position = position
    }

    private func heardClose(_ code: CloseCode) {
        harness.note("\(name) closed \(code)")
        closes.append(code)
        drop()
        if code == .loggedOut { forget() }
    }

    private func describe(_ state: PresentedState?) -> String {
        state.map { "session \($0.session.rawValue) attach \($0.attach.rawValue) position \($0.position.rawValue)" } ?? "without state"
    }
}
