/// A place in the table that the index is of.
struct CacheSlot: TableSlot { let rawValue: UInt32 }

/// From hashes to slots of a table: open addressing with linear probing and backward-shift deletion. Beside each slot is its hash, so
/// that a search touches the table only where it (almost certainly) ends, and growth and deletion not at all.
struct HashIndex {
    private struct Place {
        var hash: UInt32
        var slot: CacheSlot
        static let empty = Place(hash: 0, slot: CacheSlot.none)
    }

    private var places = ContiguousArray<Place>(repeating: .empty, count: 16)
    private(set) var count = 0

    private var mask: Int { places.count - 1 }

    /// The slot with the hash that `isMatch` accepts.
    func find(_ hash: UInt32, where isMatch: (CacheSlot) -> Bool) -> CacheSlot? {
        var place = Int(hash) & mask
        while places[place].slot != CacheSlot.none {
            if places[place].hash == hash, isMatch(places[place].slot) { return places[place].slot }
            place = (place + 1) & mask
        }
        return nil
    }

    /// Adds a slot that isn't in the index.
    mutating func insert(_ slot: CacheSlot, _ hash: UInt32) {
        assert(find(hash) { $0 == slot } == nil, "a slot has one place")
        if (count + 1) * 4 > places.count * 3 {
            let old = places
            places = ContiguousArray(repeating: .empty, count: old.count * 2)
            for place in old where place.slot != CacheSlot.none { put(place) }
        }
        put(Place(hash: hash, slot: slot))
        count += 1
    }

    private mutating func put(_ new: Place) {
        var place = Int(new.hash) & mask
        while places[place].slot != CacheSlot.none { place = (place + 1) & mask }
        places[place] = new
    }

    mutating func remove(_ slot: CacheSlot, _ hash: UInt32) {
        var hole = Int(hash) & mask
        while places[hole].slot != slot {
            if places[hole].slot == CacheSlot.none { return }
            hole = (hole + 1) & mask
        }
        count -= 1
        var place = hole
        while true {
            place = (place + 1) & mask
            if places[place].slot == CacheSlot.none { break }
            // It may move into the hole when its own place isn't between the hole and where it is.
            let home = Int(places[place].hash) & mask
            if (place - home) & mask >= (place - hole) & mask {
                places[hole] = places[place]
                hole = place
            }
        }
        places[hole] = .empty
    }
}
