import HoldfastWire

/// Where the search for messages that are too old stands.
struct ExpiryState {
    /// Everything up to here is gone or young; after a start the search begins anew.
    var scannedThrough = Position.zero
    var isLooking = false
    /// When to look next, by the monotonic clock.
    var nextLook: UInt64 = 0
}

// Messages that are older than an inbox keeps leave it with a `GAP`. By the age clock: a wall clock that jumps expires nothing early.
extension Core {
    /// What to look for next: `run` it on a reader thread, then call `expiryPlanned`.
    mutating func takeExpiry() -> ExpiryJob? {
        let ageMax = configuration.inboxDays * 86_400
        guard ageMax > 0, !expiry.isLooking, monotonic >= expiry.nextLook, clock.age > ageMax,
            changedEntries < configuration.checkpointEntriesMax
        else { return nil }
        // Ages rise with positions: what is too old ends at one.
        let through = ages.position(upToAge: clock.age - ageMax)
        guard through > expiry.scannedThrough else { return nil }
        expiry.isLooking = true
        return ExpiryJob(after: expiry.scannedThrough, through: through, messagesMax: configuration.expirySliceMessages)
    }

    mutating func expiryPlanned(_ plan: ExpiryPlan) {
        precondition(expiry.isLooking, "a plan is asked for once")
        expiry.isLooking = false
        // A view from before the last checkpoint may have rows that were changed since: it is looked at again.
        guard plan.checkpoint >= checkpoint.written else { return }
        assert(plan.scannedThrough >= expiry.scannedThrough, "the search goes on where it was")
        expiry.scannedThrough = plan.scannedThrough
        expiry.nextLook = plan.isDone ? monotonic + configuration.expiryMilliseconds : monotonic
        for user in plan.users {
            let slot = users.find(user.image.row.number) ?? users.make(user.image)
            assert(user.through.position <= checkpoint.writtenThrough, "what is too old is on the disk")
            if user.through.position > users.base(of: slot).position { evict(from: slot, through: user.through, .expired) }
        }
    }
}
