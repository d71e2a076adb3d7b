import HoldfastWire

// What must hold at the end of every turn. The simulator, the fuzz target and the tests ask; a gateway doesn't, because it takes a walk over all
// rows.
extension Core {
    /// What must hold and doesn't; nil: all does.
    var violation: String? {
        if let text = users.violation(waitingPins: waiting.pinnedCount) { return text }
        if let text = streams.violation(users.sessions.rows) { return text }
        if let text = names.violation { return text }
        if let text = holds.violation(below: nextPosition) { return text }
        if let text = ages.violation { return text }
        if let text = audits.violation(after: checkpoint.writtenThrough) { return text }
        if let text = ledger.violation(below: nextPosition) { return text }
        if let text = batches.violation { return text }
        if checkpoint.writtenThrough >= nextPosition { return "the store is ahead of the journal" }
        if waiting.count != waiting.itemCount { return "\(waiting.itemCount) commands wait, \(waiting.count) are counted" }
        return outbox.violation
    }
}
