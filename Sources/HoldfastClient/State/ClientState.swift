package import HoldfastWire

/// What a client keeps over a crash: the sum of its records.
package struct ClientState: Equatable, Sendable {
    package var user = ""
    package var device = ""
    /// Nil: no session yet.
    package var session: SessionID?
    /// The session was logged out. It is presented once more all the same, so that a state from before a later session is told from this one.
    package var isLoggedOut = false
    package var attach = AttachNumber.none
    package var era: UInt8 = 0
    /// The app has dealt with everything up to here.
    package var cursor = Position.zero
    /// Everything up to here may have been handed to the app.
    package var handedOver = Position.zero
    /// Everything up to here is stored by the gateway.
    package var lastSequence = MessageSequence.none
    package var ticket: [UInt8] = []
    package var outbox = Outbox()
    package var conversations: [ConversationNumber: String] = [:]
    package var inputs = InputProgress()
    package var failures: [FailedSend] = []
    package var nextID: UInt64 = 1

    package init() {}

    /// Nobody counts so far: a file that says so isn't one of ours, and counting on from it must not overflow.
    private static let countMax = UInt64.max >> 1

    /// Takes a record. False: it doesn't fit the state, which can't come from an undamaged file.
    package mutating func apply(_ record: StateRecord) -> Bool {
        switch record {
        case .owner(let user, let device):
            self.user = user
            self.device = device
        case .welcomed(let session, let attach, let era, let cursor, let lastSequence):
            self.session = session
            isLoggedOut = false
            self.attach = attach
            self.era = era
            self.cursor = cursor
            self.lastSequence = lastSequence
        case .attachRaised(let attach): self.attach = attach
        case .ticket(let bytes): ticket = bytes
        case .acknowledged(let position): cursor = position
        case .handedOver(let position): handedOver = position
        case .conversation(let number, let peer): conversations[number] = peer
        case .conversationsForgotten:
            outbox.readdress(conversations)
            conversations = [:]
        case .inputs(let progress):
            guard progress.count <= Self.countMax else { return false }
            inputs = progress
        case .failed(let failure): failures.append(failure)
        case .failuresForgotten: failures = []
        case .failureForgotten(let id): failures.removeAll { $0.id == id }
        case .nextID(let id):
            guard id <= Self.countMax else { return false }
            nextID = max(nextID, id)
        case .sessionEnded: endSession()
        case .enqueued(let entry): return enqueue(entry)
        case .assigned(let ids): return assign(ids)
        case .unassigned(let from): return unassign(from)
        case .stored(let through): return store(through)
        case .removed(let id, let code): return remove(id, code)
        }
        return true
    }

    private mutating func endSession() {
        isLoggedOut = session != nil
        cursor = .zero
        handedOver = .zero
        ticket = []
        outbox = Outbox()
        conversations = [:]
    }

    private mutating func enqueue(_ entry: OutboxEntry) -> Bool {
        guard entry.id >= nextID, entry.id < Self.countMax, entry.inputNumber <= Self.countMax else { return false }
        nextID = entry.id + 1
        if let tag = entry.tag, entry.inputNumber > inputs.count { inputs = InputProgress(count: entry.inputNumber, lastTag: tag) }
        outbox.enqueue(entry)
        return true
    }

    private mutating func assign(_ ids: [UInt64]) -> Bool {
        for id in ids {
            guard let index = outbox.waiting.firstIndex(where: { $0.id == id }) else { return false }
            outbox.assign(at: index)
        }
        return true
    }

    private mutating func unassign(_ from: MessageSequence) -> Bool {
        guard from > lastSequence, from.rawValue - lastSequence.rawValue <= UInt64(outbox.line.count) else { return false }
        outbox.unassign(from: Int(from.rawValue - lastSequence.rawValue) - 1)
        return true
    }

    private mutating func store(_ through: MessageSequence) -> Bool {
        guard through >= lastSequence, through.rawValue - lastSequence.rawValue <= UInt64(outbox.line.count) else { return false }
        for _ in 0..<Int(through.rawValue - lastSequence.rawValue) { _ = outbox.popFirst() }
        lastSequence = through
        return true
    }

    private mutating func remove(_ id: UInt64, _ code: SendError.Code?) -> Bool {
        let entry: OutboxEntry
        if let index = outbox.line.firstIndex(where: { $0.id == id }) {
            entry = outbox.removeFromLine(at: index)
        } else if let index = outbox.waiting.firstIndex(where: { $0.id == id }) {
            entry = outbox.removeWaiting(at: index)
        } else {
            return false
        }
        if let code {
            failures.append(FailedSend(id: id, tag: entry.tag, inputNumber: entry.inputNumber, code: code))
        }
        return true
    }
}
