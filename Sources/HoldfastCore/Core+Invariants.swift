import HoldfastWire

// What must hold at the end of every turn. The simulator, the fuzz target and the tests ask; a gateway doesn't, because it takes a walk over all
// rows.
extension Core {
    /// What must hold and doesn't; nil: all does.
    var violation: String? {
        if let text = users.violation(waitingPins: waiting.pinnedCount) { return text }
        if let text = names.violation { return text }
        if let text = holds.violation(below: nextPosition) { return text }
        if let text = ages.violation { return text }
        if settledThrough > committedThrough || committedThrough >= nextPosition { return "positions are out of order" }
        if checkpoint.writtenThrough >= nextPosition { return "the store is ahead of the journal" }
        if let text = batchViolation { return text }
        if waiting.count != waiting.itemCount { return "\(waiting.itemCount) commands wait, \(waiting.count) are counted" }
        if pagesInFlight < 0 || pagesInFlight > configuration.pagesInFlightMax { return "\(pagesInFlight) pages are in flight" }
        let reading = users.sessions.rows.count { $0.flags.contains(.pageInFlight) }
        if reading > pagesInFlight { return "\(reading) sessions wait for \(pagesInFlight) pages" }
        let counts = checkpoint.withheldCredits + checkpoint.withheldBytes
        return counts.allSatisfy { $0 >= 0 } ? nil : "credits below zero"
    }

    /// Batches lie one behind the other, from what is synced to the next position, and the positions of each rise.
    private var batchViolation: String? {
        for work in settling where work.batch.lastPosition.map({ $0 > committedThrough }) ?? false {
            return "a batch is settled before it is synced"
        }
        var next = Position(rawValue: committedThrough.rawValue + 1)
        for batch in line.batches {
            if batch.journal.firstPosition != next { return "a batch in the line isn't behind the one before it" }
            if let text = positionViolation(batch.journal, in: next..<batch.journal.nextPosition) { return text }
            next = batch.journal.nextPosition
        }
        if let first = open.journal.entries.first, first.position != next { return "the open batch isn't behind the line" }
        if open.journal.entries.isEmpty, next != nextPosition { return "a position is in no batch" }
        return positionViolation(open.journal, in: next..<nextPosition)
    }

    private func positionViolation(_ batch: JournalBatch, in range: Range<Position>) -> String? {
        var next = range.lowerBound
        for entry in batch.entries {
            if entry.position != next { return "position \(entry.position.rawValue) of a batch doesn't follow the one before it" }
            next = Position(rawValue: next.rawValue + 1)
        }
        if !batch.entries.isEmpty, next != range.upperBound { return "a batch has records for less than its positions" }
        if batch.entries.count > 1, batch.bytes.count > configuration.batchBytesMax {
            return "a batch of \(batch.bytes.count) bytes is too large"
        }
        return nil
    }
}
