package import HoldfastWire

// A journal that is asked over a network may leave open what has become of a batch: the request or its answer is lost, or late, or says no to
// a batch that is there already. The writer settles that by presence only.
//
//     take(batch) ────────────┐              ┌─ nextStep() -> .offer(batch)  to the journal, answered by `answered`
//     answered(_, number) ────┤  batches in  │              -> .look(batch)   to the journal, answered by `looked`
//     looked(_, number) ──────┴─► their line ┴─ what is synced now, for `CoreMessage.committed(through:)`
//
// An answer counts for everything before it, because a journal takes a batch only behind all before it. A refusal or a missing answer puts the line in
// doubt: the writer looks what is in the place of the first batch. If it is the batch, that one is stored, and the next is looked for; if it is
// another's, the process ends, because what the core has made of its rows since can't be taken back; if it is nothing, that proves nothing, and the same bytes
// are offered again at the same place, with all behind them. To offer a batch twice does no harm: its place takes one, and deletions that were made
// once may be made again.
//
// It is pure: its driver carries out the steps, in its own time and in any order, and a step that comes to nothing, or an answer that comes late or
// twice, is met by the times that it is told.

/// The batches that are on their way to a journal, oldest first, and what to ask it next.
package struct JournalWriter: Sendable {
    /// What to ask the journal. The number, which counts the batches, is to be given back with the answer, of which there may be several.
    package enum Step: Sendable {
        /// `Journal.commit`.
        case offer(JournalBatch, number: UInt64)
        /// `Journal.place(of:)`.
        case look(JournalBatch, number: UInt64)
    }

    private let window: JournalWindow
    /// An answer that hasn't come after this time is taken for lost.
    private let answerMilliseconds: UInt64
    /// What a journal that can't take a batch is given to recover.
    private let pauseMilliseconds: UInt64

    private var line = ContiguousArray<JournalBatch>()
    /// The number of the first in the line.
    private var firstNumber: UInt64 = 0
    /// How many from the front have been offered since the last doubt.
    private var offeredCount = 0
    private var isInDoubt = false
    private var isLooking = false
    /// When the oldest answer is taken for lost.
    private var answerBy = UInt64.max
    private var pausedUntil: UInt64 = 0

    package init(window: JournalWindow, answerMilliseconds: UInt64, pauseMilliseconds: UInt64) {
        self.window = window
        self.answerMilliseconds = answerMilliseconds
        self.pauseMilliseconds = pauseMilliseconds
    }

    /// How many batches aren't known to be synced.
    package var count: Int { line.count }

    /// A batch of the core's, behind all that it gave before.
    package mutating func take(_ batch: JournalBatch) {
        precondition(line.count < window.batches, "more batches are given out than the journal's window lets through")
        precondition(line.last.map { $0.nextPosition == batch.firstPosition } ?? true, "a batch's place is behind the one before it")
        line.append(batch)
    }

    /// What to ask the journal now; to be called until there is nothing.
    package mutating func nextStep(now: UInt64) -> Step? {
        if now >= answerBy {
            isInDoubt = true
            isLooking = false
            answerBy = .max
        }
        guard now >= pausedUntil else { return nil }
        if isInDoubt {
            guard !isLooking, let first = line.first else { return nil }
            isLooking = true
            answerBy = now + answerMilliseconds
            return .look(first, number: firstNumber)
        }
        guard offeredCount < line.count else { return nil }
        if offeredCount == 0 { answerBy = now + answerMilliseconds }
        offeredCount += 1
        return .offer(line[offeredCount - 1], number: firstNumber + UInt64(offeredCount - 1))
    }

    /// When `nextStep` has to be asked again if nothing comes before; `.max`: then only.
    package var wakesAt: UInt64 {
        let hasStep = isInDoubt ? !isLooking : offeredCount < line.count
        return hasStep ? min(pausedUntil, answerBy) : answerBy
    }

    /// What the journal says of a batch that it was offered.
    /// - Returns: how far everything is synced, if more batches are than were.
    package mutating func answered(_ answer: CommitAnswer, number: UInt64, now: UInt64) -> Position? {
        precondition(number < firstNumber + UInt64(line.count), "an answer is to a batch that was offered")
        // It may be known already, by a later answer or by a look.
        guard number >= firstNumber else { return nil }
        let count = Int(number - firstNumber) + 1
        switch answer {
        case .synced: return synced(count, now: now)
        case .refused:
            #if PLANTED_BUGS
                if PlantedBug.refusalTakenForStored.isActive { return synced(count, now: now) }
            #endif
            isInDoubt = true
        case .unknown: isInDoubt = true
        }
        return nil
    }

    /// What is in the place of a batch that was looked for; nil: no answer came.
    /// - Returns: as `answered` does.
    /// - Throws: when another process writes the journal.
    package mutating func looked(_ found: JournalPlace?, number: UInt64, now: UInt64) throws(StorageError) -> Position? {
        // Another answer may have come before.
        guard number == firstNumber, let first = line.first else { return nil }
        isLooking = false
        answerBy = .max
        switch found {
        case .batch: return synced(1, now: now)
        case .other: throw .anotherWriter(at: first.firstPosition)
        case .empty:
            isInDoubt = false
            offeredCount = 0
        case nil: isInDoubt = true
        }
        pausedUntil = now + pauseMilliseconds
        return nil
    }

    private mutating func synced(_ count: Int, now: UInt64) -> Position {
        let through = line[count - 1].lastPosition
        line.removeFirst(count)
        firstNumber += UInt64(count)
        offeredCount = max(0, offeredCount - count)
        isLooking = false
        // Of what was offered since the last doubt each may have been refused for want of the one before it: the doubt goes on.
        if offeredCount == 0 { isInDoubt = false }
        answerBy = offeredCount == 0 || isInDoubt ? .max : now + answerMilliseconds
        return through
    }
}
