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
    case authenticated(ConnectionHandle)
    case close(ConnectionHandle, CloseCode, retryAfterMilliseconds: UInt32 = 0)
    case reply(Reply)
    case notice(HoldNotice)
    case audited(AuditEntry)
}

/// A synced batch, and how far what follows from it has left.
struct SettlingBatch {
    enum Stage: Int {
        case pushes, conversations, sent, held, gaps
    }

    var batch: OpenBatch
    private(set) var stage = Stage.pushes
    /// The next element of the stage's list.
    var index = 0

    init(_ batch: OpenBatch) { self.batch = batch }

    mutating func next(_ stage: Stage) {
        assert(stage.rawValue == self.stage.rawValue + 1, "what follows from a batch leaves in its order")
        self.stage = stage
        index = 0
    }
}

/// Batches that are closed and not known to be synced, oldest first: those that were given out for the journal, and those that wait because its
/// window is full.
struct BatchLine {
    private(set) var batches = ContiguousArray<OpenBatch>()
    /// How many from the front were given out.
    private(set) var givenCount = 0
    /// What those hold.
    private(set) var givenBytes = 0

    var isEmpty: Bool { batches.isEmpty }
    var hasWaiting: Bool { givenCount < batches.count }
    /// The end of what was given out; nil: nothing is.
    var givenThrough: Position? { givenCount == 0 ? nil : batches[givenCount - 1].lastPosition }

    /// Whether the journal's window lets one more batch through.
    func hasRoom(_ window: JournalWindow) -> Bool {
        // A batch that only deletes goes alone, since it has no place of its own to be found at.
        givenCount == 0 || (givenCount < window.batches && givenBytes < window.bytes && !batches[givenCount - 1].journal.entries.isEmpty)
    }

    mutating func append(_ batch: consuming OpenBatch) {
        precondition(!batch.journal.isEmpty, "a batch in the line is for the journal")
        precondition(
            batches.last.map { $0.journal.nextPosition == batch.journal.firstPosition } ?? true, "batches have no hole between them")
        batches.append(batch)
    }

    /// The next batch for the journal; nil: the window is full, or none waits.
    mutating func give(_ window: JournalWindow) -> JournalBatch? {
        guard hasWaiting, hasRoom(window) else { return nil }
        let bytes = batches[givenCount].journal.byteCount
        guard givenCount == 0 || (bytes <= window.bytes - givenBytes && !batches[givenCount].journal.entries.isEmpty) else { return nil }
        givenBytes += bytes
        givenCount += 1
        return batches[givenCount - 1].journal
    }

    /// Takes out the first batch if it ends at the position or before it.
    mutating func popFirst(through position: Position) -> OpenBatch? {
        guard givenCount > 0, batches[0].journal.lastPosition <= position else { return nil }
        givenCount -= 1
        let batch = batches.removeFirst()
        givenBytes -= batch.journal.byteCount
        assert(givenBytes >= 0 && (givenCount > 0 || givenBytes == 0), "what was given out is counted once")
        return batch
    }

    /// The batch with a position that isn't synced; nil when that is still open.
    func index(of position: Position) -> Int? { batches.firstIndex { position <= $0.journal.lastPosition } }

    subscript(index: Int) -> OpenBatch {
        _read { yield batches[index] }
        _modify { yield &batches[index] }
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
    /// When its messages were taken in, and by which door.
    private(set) var taken = ContiguousArray<(door: Int, taken: TakenCommands)>()
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
        batch.journal.firstPosition = .zero
        batch.journal.nextPosition = .zero
        batch.journal.bytes.reserveCapacity(last.bytes.count)
        batch.journal.entries.reserveCapacity(last.entries.count)
        batch.pushes.empty()
        batch.sent.empty()
        batch.conversations.empty()
        batch.held.empty()
        batch.waitingForGap.empty()
        batch.taken.empty()
        for door in batch.credits.indices {
            batch.credits[door] = 0
            batch.creditBytes[door] = 0
        }
        return batch
    }

    /// A message of the batch came with commands that a door took in then; 0: nobody asks how long it takes.
    mutating func noteTaken(at time: UInt64, door: Int) {
        guard time != 0 else { return }
        if let last = taken.last, last.door == door, last.taken.takenAt == time {
            taken[taken.count - 1].taken.count &+= 1
        } else {
            taken.append((door, TakenCommands(takenAt: time, count: 1)))
        }
    }

    /// The last position that it takes; nil as long as it isn't closed, and when it has answers only.
    var lastPosition: Position? { journal.isEmpty ? nil : journal.lastPosition }

    var isEmpty: Bool { journal.isEmpty && sent.isEmpty && held.isEmpty && !credits.contains { $0 > 0 } }
}

extension ContiguousArray {
    /// Removes all, and gives the room back when it is of a peak.
    fileprivate mutating func empty() { removeAll(keepingCapacity: capacity <= Swift.max(1_024, 4 * count)) }
}
