import HoldfastWire

// Users who are not in use live on disk: beyond a bound, the rows of those that are neither connected nor changed since the last
// checkpoint are dropped, the ones first that nobody asked for since the hand last came by.
extension Core {
    mutating func trimCache() {
        // What commands wait for comes on top: else many that wait would push each other's rows out before one of them can run.
        var excess = userIndex.count - configuration.cachedUsersMax - WaitingCommands.usersNamedMax * waiting.count
        guard excess > 0 else { return }
        // One round at most per call, so that a cache full of changed rows costs no endless search.
        var steps = min(users.count, 4 * excess + 64)
        while excess > 0, steps > 0 {
            steps -= 1
            if cacheHand >= users.count { cacheHand = 0 }
            let slot = Slot(cacheHand)
            cacheHand += 1
            guard users[Int(slot)].number != 0, isDroppable(users[Int(slot)]) else { continue }
            if users[Int(slot)].isRecent {
                users[Int(slot)].isRecent = false
            } else {
                dropUser(slot)
                excess -= 1
            }
        }
    }

    /// Lets go of all cached answers, what is in use is asked for again, and of the room of tables that are empty now.
    package mutating func giveMemoryBack() {
        userNumbers.forgetKnown()
        userNames.forgetKnown()
        pairs.forgetKnown()
        conversations.forgetKnown()
        devices.forgetKnown()
        if waiting.count == 0, waiting.requested.isEmpty { waiting = WaitingCommands() }
        if pageQueue.isEmpty { pageQueue = [] }
        if unrecordedCursors.isEmpty { unrecordedCursors = [] }
        missing = []
    }

    private func isDroppable(_ user: UserRow) -> Bool {
        user.pins == 0 && user.dirtyEpoch == 0 && user.savedEpoch <= checkpoint.writtenEpoch && user.entries.isEmpty
    }
}
