package import HoldfastWire

extension Storage {
    /// Begins a new era: what clients know of positions after those that are stored here counts no more (SPEC 4.4). To be called before the
    /// storage serves again, when a backup was restored or a repair has left something out. Tickets sealed before must not open any more:
    /// numbers of users and sessions may be given out a second time.
    /// - Parameter era: the era of what is replaced, if it is known: a backup may be restored more than once, and no era may be used twice.
    /// - Returns: the first position of the era.
    /// - Throws: `.system` when there is no further era, and what the commit throws.
    @discardableResult
    package func raiseEra(above era: UInt8 = 0) throws(StorageError) -> Position {
        let next = nextPosition
        #if PLANTED_BUGS
            if PlantedBug.positionReusedAfterRestore.isActive { return next }
        #endif
        let last = max(next.era, era)
        guard last < .max else {
            throw StorageError(.system, "The era is \(last), the last one: no further backup can be restored into this line of backups.")
        }
        var batch = JournalBatch()
        batch.firstPosition = next
        batch.nextPosition = Position(era: last + 1, offset: next.rawValue & (1 << 56 - 1))
        try commitUntilSynced(batch)
        return batch.nextPosition
    }
}
