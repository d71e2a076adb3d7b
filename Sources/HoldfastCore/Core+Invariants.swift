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

    /// Positions rise through the batches that are settled, synced and collected, and the last one is just below the next.
    private var batchViolation: String? {
        var last = settledThrough
        for (name, batch) in settling.map({ ("settling", $0.batch) }) + [inFlight].compactMap({ $0 }).map({ ("in flight", $0) })
            + [("open", open)]
        {
            for entry in batch.journal.entries {
                // Of a batch whose answers have all left only notices of gaps are missing.
                guard entry.position > last || (name == "settling" && entry.position <= settledThrough) else {
                    return "a position of the batch that is \(name) doesn't rise"
                }
                last = max(last, entry.position)
            }
        }
        return last < nextPosition ? nil : "a record has a position that wasn't given out"
    }
}
