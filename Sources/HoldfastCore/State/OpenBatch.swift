import HoldfastWire

/// A message of a batch that goes to an inbox: what is pushed to live sessions once the batch is synced.
struct Push {
    var entry: InboxEntry
    var user: UserSlot
    var sender: SessionID
    var conversation: ConversationNumber
    var time: UInt64
    var kind: MessageKind
    /// Where the body lies in the batch.
    var offset: UInt32
    var size: UInt32
}

/// A session to be told what is stored of it.
struct SentNote {
    var session: SessionSlot
    var id: SessionID
    var sequence: MessageSequence
    var position: Position
}

/// A sender by name to be told the conversation's number.
struct ConversationNote {
    var connection: ConnectionHandle
    var conversation: ConversationNumber
    var peer: [UInt8]
}

/// What else may leave only when the batch is synced.
enum HeldEffect {
    case welcome(SessionSlot, ConnectionHandle, Effect.Attached, previous: Effect?)
    case close(ConnectionHandle, CloseCode)
    case reply(Reply)
}

/// A synced batch, and how far what follows from it has left.
struct SettlingBatch {
    enum Stage {
        case pushes, conversations, sent, held, gaps
    }

    var batch: OpenBatch
    private(set) var stage = Stage.pushes
    /// The next element of the stage's list.
    var index = 0

    init(_ batch: OpenBatch) { self.batch = batch }

    mutating func next(_ stage: Stage) {
        self.stage = stage
        index = 0
    }
}

/// Records on their way to the journal, and what follows from them.
struct OpenBatch {
    /// Rises from batch to batch, so that a session knows whether it is in `sent` already.
    var number: UInt32
    var journal = JournalBatch()
    var pushes = ContiguousArray<Push>()
    var sent = ContiguousArray<SentNote>()
    var conversations = ContiguousArray<ConversationNote>()
    var held = ContiguousArray<HeldEffect>()
    /// Sessions whose stream goes on when they can be told that messages were evicted.
    var waitingForGap = ContiguousArray<SessionSlot>()
    /// Command credits and bytes to be given back to each door.
    var credits: ContiguousArray<Int>
    var creditBytes: ContiguousArray<Int>

    init(number: UInt32, doors: Int) {
        self.number = number
        credits = ContiguousArray(repeating: 0, count: doors)
        creditBytes = ContiguousArray(repeating: 0, count: doors)
    }

    /// The next batch, in the arrays of this one, which is settled: room for as much again costs no allocation for each growth. If a loop still
    /// reads its bytes, these are left to it.
    consuming func next(number: UInt32, like last: JournalBatch, _ spares: inout SpareArrays) -> OpenBatch {
        var batch = self
        batch.number = number
        if let spare = spares.takeBuffer() {
            batch.journal.bytes = spare
        } else {
            batch.journal.bytes.removeAll(keepingCapacity: batch.journal.bytes.capacity <= SpareArrays.bytesMax)
        }
        batch.journal.entries.empty()
        batch.journal.deletions = []
        batch.journal.nextPosition = .zero
        batch.journal.bytes.reserveCapacity(last.bytes.count)
        batch.journal.entries.reserveCapacity(last.entries.count)
        batch.pushes.empty()
        batch.sent.empty()
        batch.conversations.empty()
        batch.held.empty()
        batch.waitingForGap.empty()
        for door in batch.credits.indices {
            batch.credits[door] = 0
            batch.creditBytes[door] = 0
        }
        return batch
    }

    var isEmpty: Bool { journal.isEmpty && sent.isEmpty && held.isEmpty && !credits.contains { $0 > 0 } }
}

extension ContiguousArray {
    /// Removes all, and gives the room back when it is of a peak.
    fileprivate mutating func empty() { removeAll(keepingCapacity: capacity <= Swift.max(1_024, 4 * count)) }
}
