import HoldfastWire

// Users who are not in use live on disk: beyond a bound, the rows of those that are neither connected nor changed since the last
// checkpoint are dropped, the ones first that nobody asked for since the hand last came by.
extension Core {
    mutating func trimCache() {
        // What commands wait for comes on top: else many that wait would push each other's rows out before one of them can run.
        var excess = userIndex.count - configuration.cachedUsersMax - WaitingCommands.usersNamedMax * waiting.count
        // A cache full of changed rows, or of connected users, must not be searched again and again: the hand makes as many steps as were
        // paid for by rows that came in or that the disk has now, one round at most, and few at once.
        cacheSteps = min(cacheSteps, users.count)
        guard excess > 0 else { return }
        var steps = min(cacheSteps, Self.cacheStepsPerCallMax)
        cacheSteps -= steps
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
        cacheSteps += steps
    }

    /// Steps of the hand that a row pays for: two rounds for itself, since the first only finds it recent, and some past rows that must stay.
    static let cacheStepsPerRow = 8
    private static let cacheStepsPerCallMax = 4_096

    /// A user's name, if it is in memory. One that is not on the disk yet is.
    mutating func userName(_ number: UInt64) -> [UInt8]? {
        guard case .found(let name) = userNames.find(number) else { return nil }
        return name
    }

    /// A user's name on the disk; nil when there is none.
    package static func userName(_ number: UInt64, on storage: any Storage) throws(StorageError) -> [UInt8]? {
        var name: [UInt8]?
        try storage.read { (snapshot) throws(StorageError) in name = try snapshot.bytes(.userNames, StoreKey.number(number)) }
        return name
    }

    /// A batch that a loop has carried out comes back: its room is used again.
    mutating func reuse(_ batch: consuming EffectBatch, of loop: Int) { spares.put(batch, loop: loop) }

    /// Lets go of all cached answers, what is in use is asked for again, of room for traffic, and of that of tables that are empty now.
    /// - Returns: what is to be freed.
    mutating func giveMemoryBack() -> ReleasedMemory {
        spares = SpareArrays(loops: effects.count)
        settled = nil
        let tables: [any Sendable] = [
            userNumbers.forgetKnown(), userNames.forgetKnown(), pairs.forgetKnown(), conversations.forgetKnown(), devices.forgetKnown(),
        ]
        if ready.isEmpty { ready = Line() }
        if waiting.count == 0, waiting.byKey.isEmpty { waiting = WaitingCommands() }
        if pageQueue.isEmpty { pageQueue = Line() }
        if unrecordedCursors.isEmpty { unrecordedCursors = [] }
        missing = []
        return ReleasedMemory(tables)
    }

    private func isDroppable(_ user: UserRow) -> Bool {
        user.pins == 0 && user.dirtyEpoch == 0 && user.savedEpoch <= checkpoint.writtenEpoch && user.entries.isEmpty
    }
}
