package import HoldfastWire

/// What may be deleted from the journal next.
package struct TrimPlan: Sendable {
    /// Rising.
    package var deletions: ContiguousArray<Position> = []
    /// The journal has been looked at up to here.
    package var scannedThrough: Position
    /// Which of the deletions come from the table of released positions.
    package var released: ContiguousArray<Position> = []
    package var isReleasedDone = false
    /// The last checkpoint when it was asked for.
    var checkpoint: UInt64
}

/// Looks through the journal for records below the checkpoint that no timeline holds, and through the released positions.
package struct TrimJob: Sendable {
    let after: Position
    /// Nothing above this is deleted.
    let through: Position
    let releasedAfter: Position
    let recordsMax: Int
    let checkpoint: UInt64

    package func run(on storage: any Storage) throws(StorageError) -> TrimPlan {
        var plan = TrimPlan(scannedThrough: after, checkpoint: checkpoint)
        try storage.read { (snapshot) throws(StorageError) in
            let applied = try snapshot.appliedThrough()
            var found = ContiguousArray<Position>()
            try snapshot.positions(after: after, limit: recordsMax, into: &found)
            let end = min(applied, through)
            let candidates = found.filter { $0 <= end }
            plan.scannedThrough = candidates.count == recordsMax ? candidates[recordsMax - 1] : max(after, end)
            let kept = try snapshot.keptPositions(after: after, through: plan.scannedThrough)
            var next = kept.startIndex
            for position in candidates {
                while next < kept.endIndex, kept[next] < position { next += 1 }
                if next == kept.endIndex || kept[next] != position { plan.deletions.append(position) }
            }
            let room = recordsMax - plan.deletions.count
            try snapshot.scan(.released, from: StoreKey.number(releasedAfter.rawValue + 1).span) { key, _ in
                guard plan.released.count < room else { return false }
                var reader = ByteReader(key)
                guard let position = reader.integer(UInt64.self) else { return true }
                #if PLANTED_BUGS
                    let isHeld = position > through.rawValue && !PlantedBug.holdIgnored.isActive
                #else
                    let isHeld = position > through.rawValue
                #endif
                // The others stay in the table until the hold gives way.
                if !isHeld { plan.released.append(Position(rawValue: position)) }
                return !isHeld
            }
            plan.isReleasedDone = plan.released.count < room
        }
        assert(plan.deletions.count + plan.released.count <= recordsMax, "a plan has as many deletions as were asked for")
        assert(plan.scannedThrough >= after, "trimming never goes back")
        if !plan.released.isEmpty {
            plan.deletions.append(contentsOf: plan.released)
            plan.deletions.sort()
        }
        return plan
    }
}
