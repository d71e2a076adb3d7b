import HoldfastWire

/// Records on their way to the journal: a part of the core that gives out positions, collects records in batches while others are being synced, and
/// keeps what follows from a batch until everything before it is synced. A batch that is full is closed and waits in the line.
struct Batches: ~Copyable {
    /// Of the next record.
    private(set) var nextPosition: Position
    /// Everything up to here is synced.
    private(set) var committedThrough: Position
    /// What follows from the records up to here has left.
    var settledThrough: Position
    /// Records that are collected while others are being synced.
    var open: OpenBatch
    /// Those that are closed and not known to be synced.
    private(set) var line = BatchLine()
    /// Batches that are synced, oldest first, and what follows from them hasn't all left.
    private(set) var settling = ContiguousArray<SettlingBatch>()
    /// The last one of which all has left, for the room of its arrays.
    private var settled: OpenBatch?
    /// Bytes of batches that were closed since the last checkpoint began.
    private(set) var bytesSinceCheckpoint = 0
    /// How much of the line the journal may be given at once.
    private let window: JournalWindow
    private let bytesMax: Int
    private let doors: Int

    /// One that is settled in slices, and the one that was committed meanwhile: no more are given out before these have left.
    private static let settlingMax = 2

    /// - Parameter bytesMax: of a batch with more than one record.
    init(nextPosition: Position, window: JournalWindow, bytesMax: Int, doors: Int) {
        self.nextPosition = max(nextPosition, Position(rawValue: 1))
        self.window = window
        self.bytesMax = bytesMax
        self.doors = doors
        committedThrough = Position(rawValue: self.nextPosition.rawValue - 1)
        settledThrough = committedThrough
        open = OpenBatch(number: 1, doors: doors)
    }

    /// The journal has everything before the position.
    mutating func beganAt(_ position: Position) {
        precondition(open.isEmpty && line.isEmpty, "nothing was given out before the start")
        nextPosition = position
        committedThrough = Position(rawValue: position.rawValue - 1)
        settledThrough = committedThrough
    }

    /// Whether there is something for the journal, or something that has to leave.
    var isEmpty: Bool { open.isEmpty && line.isEmpty && settling.isEmpty }

    // MARK: Records

    /// Gives a record the next position and puts it into the open batch.
    /// - Parameter encode: appends the record.
    /// - Returns: its position, and the bytes that it takes.
    @inline(__always)
    mutating func append(_ spares: inout SpareArrays, _ encode: (inout [UInt8]) -> Void) -> (position: Position, count: Int) {
        precondition(open.journal.entries.last.map { $0.position < nextPosition } ?? true, "positions of a batch rise")
        let position = nextPosition
        nextPosition = Position(rawValue: position.rawValue + 1)
        let offset = open.journal.bytes.count
        encode(&open.journal.bytes)
        let count = open.journal.bytes.count - offset
        open.journal.entries.append(.init(position: position, offset: offset, count: count))
        if open.journal.bytes.count > bytesMax, offset > 0 { closeBeforeLast(&spares) }
        return (position, count)
    }

    /// Adds positions that the journal may delete. What doesn't fit goes in a batch of its own.
    mutating func add(deletions: ContiguousArray<Position>, _ spares: inout SpareArrays) {
        guard !deletions.isEmpty else { return }
        if open.journal.bytes.count + deletions.count * JournalBatch.deletionBytes > bytesMax { closeRecords(&spares) }
        open.journal.deletions = deletions
    }

    /// Puts the open batch in the line, if there is anything for the journal in it.
    mutating func closeRecords(_ spares: inout SpareArrays) {
        guard !open.journal.isEmpty else { return }
        close(before: nextPosition, &spares)
    }

    /// Lets the open batch leave that has only answers to what was stored before: they come behind the answers to that.
    mutating func closeAnswers(_ spares: inout SpareArrays) {
        guard line.isEmpty, !open.isEmpty else { return }
        assert(open.journal.isEmpty, "records are closed first")
        settling.append(SettlingBatch(nextOpen(&spares)))
    }

    /// Puts the open batch in the line: the next one begins at a position.
    private mutating func close(before position: Position, _ spares: inout SpareArrays) {
        let first = line.batches.last?.journal.nextPosition ?? Position(rawValue: committedThrough.rawValue + 1)
        precondition(open.journal.entries.first.map { $0.position == first } ?? true, "records have no hole between them")
        open.journal.firstPosition = first
        open.journal.nextPosition = position
        bytesSinceCheckpoint += open.journal.bytes.count
        line.append(nextOpen(&spares))
    }

    /// Opens the next batch.
    /// - Returns: the one before.
    private mutating func nextOpen(_ spares: inout SpareArrays) -> OpenBatch {
        let batch = open
        open = (settled.take() ?? OpenBatch(number: 0, doors: doors)).next(number: batch.number &+ 1, like: batch.journal, &spares)
        return batch
    }

    /// The last record was one too many: the batch ends before it, and the record is the first of the next one. Nothing has been derived from it.
    private mutating func closeBeforeLast(_ spares: inout SpareArrays) {
        let last = open.journal.entries.removeLast()
        let record = Array(open.journal.bytes[last.offset...])
        open.journal.bytes.removeLast(last.count)
        close(before: last.position, &spares)
        open.journal.bytes.append(contentsOf: record)
        open.journal.entries.append(.init(position: last.position, offset: 0, count: last.count))
    }

    // MARK: The journal

    /// Whether one more batch may be given out.
    var hasRoom: Bool { settling.count < Self.settlingMax && line.hasRoom(window) }

    /// The next batch for the journal; nil: its window is full, or none waits.
    mutating func give() -> JournalBatch? { line.give(window) }

    /// Everything up to the position is synced: the batches that end there or before it.
    /// - Returns: how many of them have deleted something.
    mutating func committed(through position: Position) -> Int {
        precondition(position >= committedThrough, "what is synced stays so")
        precondition(position <= line.givenThrough ?? committedThrough, "the journal has what it was given only")
        var deleting = 0
        while let batch = line.popFirst(through: position) {
            committedThrough = batch.journal.lastPosition
            if !batch.journal.deletions.isEmpty { deleting += 1 }
            settling.append(SettlingBatch(batch))
        }
        precondition(committedThrough == position, "an answer ends where a batch ends")
        return deleting
    }

    mutating func checkpointBegan() { bytesSinceCheckpoint = 0 }

    // MARK: What follows

    /// The oldest batch of which something hasn't left; it comes back by `putBack` or `settled`.
    mutating func takeSettling() -> SettlingBatch? { settling.isEmpty ? nil : settling.removeFirst() }

    mutating func putBack(_ work: consuming SettlingBatch) { settling.insert(work, at: 0) }

    /// All of it has left.
    mutating func settled(_ work: consuming SettlingBatch) { settled = work.batch }

    /// Has something leave when everything up to the position is synced, behind what follows from that.
    /// - Returns: false when it may leave now.
    mutating func hold(_ effect: HeldEffect, until position: Position) -> Bool {
        if position <= settledThrough { return false }
        if let index = settling.firstIndex(where: { $0.batch.lastPosition.map { position <= $0 } ?? false }) {
            settling[index].batch.held.append(effect)
        } else if let index = line.index(of: position) {
            line[index].held.append(effect)
        } else {
            open.held.append(effect)
        }
        return true
    }

    /// Has the session's stream go on with the batch of a record that isn't synced.
    mutating func pump(_ session: SessionSlot, withBatchOf record: Position) {
        assert(record > committedThrough, "what is synced is waited for by nobody")
        if let index = line.index(of: record) { line[index].waitingForGap.append(session) } else { open.waitingForGap.append(session) }
    }

    /// Lets go of room for traffic.
    mutating func giveMemoryBack() { settled = nil }

    // MARK: Invariants

    /// Batches lie one behind the other, from what is synced to the next position, and the positions of each rise. What must hold and doesn't; nil: all
    /// does.
    var violation: String? {
        if settledThrough > committedThrough || committedThrough >= nextPosition { return "positions are out of order" }
        for work in settling where work.batch.lastPosition.map({ $0 > committedThrough }) ?? false {
            return "a batch is settled before it is synced"
        }
        var next = Position(rawValue: committedThrough.rawValue + 1)
        for batch in line.batches {
            if batch.journal.firstPosition != next { return "a batch in the line isn't behind the one before it" }
            if let text = violation(batch.journal, in: next..<batch.journal.nextPosition) { return text }
            next = batch.journal.nextPosition
        }
        if let first = open.journal.entries.first, first.position != next { return "the open batch isn't behind the line" }
        if open.journal.entries.isEmpty, next != nextPosition { return "a position is in no batch" }
        return violation(open.journal, in: next..<nextPosition)
    }

    private func violation(_ batch: JournalBatch, in range: Range<Position>) -> String? {
        var next = range.lowerBound
        for entry in batch.entries {
            if entry.position != next { return "position \(entry.position.rawValue) of a batch doesn't follow the one before it" }
            next = Position(rawValue: next.rawValue + 1)
        }
        if !batch.entries.isEmpty, next != range.upperBound { return "a batch has records for less than its positions" }
        return batch.entries.count > 1 && batch.bytes.count > bytesMax ? "a batch of \(batch.bytes.count) bytes is too large" : nil
    }
}
