import HoldfastWire

/// An entry of an inbox: whose, and where.
struct Holding {
    var position: UInt64
    var user: UInt64
}

/// The entries of all inboxes that lie between two positions: as many as the bound allows, however many there are.
struct HoldingPart {
    /// Rising once they are sorted.
    private(set) var holdings: ContiguousArray<Holding> = []
    /// The part begins behind this position.
    private let after: UInt64
    /// The part's last position; the highest there can be when nothing comes after it.
    private(set) var through = UInt64.max
    private let countMax: Int
    /// At so many the later ones make room.
    private var countAtCut: Int

    /// - Parameter countMax: so many entries are left by a cut, and twice as many are held at most, but for those that share the last position.
    init(after: UInt64, countMax: Int) {
        self.after = after
        self.countMax = countMax
        countAtCut = 2 * countMax
    }

    /// Takes an entry, in any order, unless it belongs to another part.
    mutating func add(_ position: Position, of user: UInt64) {
        guard position.rawValue > after, position.rawValue <= through else { return }
        holdings.append(Holding(position: position.rawValue, user: user))
        if holdings.count == countAtCut { cut() }
    }

    private mutating func cut() {
        sort()
        through = holdings[countMax - 1].position
        var end = countMax
        while end < holdings.count, holdings[end].position == through { end += 1 }
        holdings.removeSubrange(end...)
        countAtCut = end + countMax
    }

    /// To be called when all entries were offered.
    mutating func sort() { holdings.sort { ($0.position, $0.user) < ($1.position, $1.user) } }
}

/// A walk through the entries of all inboxes, position by position. `Examination.nextHeld` leads it on.
struct HoldingWalk {
    /// Where the walk is.
    var part: HoldingPart
    private var index = 0
    /// How many entries it has passed.
    private(set) var passed = 0

    init(from part: HoldingPart) { self.part = part }

    /// The next position in the part; nil at its end.
    var position: UInt64? { index < part.holdings.count ? part.holdings[index].position : nil }

    /// Passes the entries of the next position.
    mutating func take() -> ContiguousArray<Holding>.SubSequence {
        let start = index
        while index < part.holdings.count, part.holdings[index].position == part.holdings[start].position { index += 1 }
        passed += index - start
        return part.holdings[start..<index]
    }

    mutating func enter(_ part: HoldingPart) { (self.part, index) = (part, 0) }

    /// Gives the memory of a part back that was passed.
    mutating func leave() { enter(HoldingPart(after: .max, countMax: 0)) }
}

extension Examination {
    /// 64 MiB, and twice that while a part is gathered. Each part is one more look into every timeline.
    static let holdingsMax = 4 << 20

    /// The next position that an inbox holds; nil: there is none.
    func nextHeld(_ walk: inout HoldingWalk) throws(StorageError) -> UInt64? {
        while walk.position == nil, walk.part.through < .max {
            let through = walk.part.through
            walk.leave()
            walk.enter(try gatherHoldings(after: through))
        }
        return walk.position
    }

    /// The entries behind a position, of inboxes as they are or, where they are made anew, as they will be.
    func gatherHoldings(after: UInt64) throws(StorageError) -> HoldingPart {
        let sliceCount = 256
        var part = HoldingPart(after: after, countMax: holdingsMax)
        var entries = ContiguousArray<TimelineEntry>()
        for user in users {
            if let remade = plan.inboxes[user] {
                for entry in remade { part.add(entry.position, of: user) }
                continue
            }
            var start = Position(rawValue: after)
            repeat {
                entries.removeAll(keepingCapacity: true)
                try snapshot.entries(of: .inbox(user), after: start, limit: sliceCount, into: &entries)
                for entry in entries { part.add(entry.position, of: user) }
                guard let last = entries.last?.position, last > start, last.rawValue < part.through else { break }
                start = last
            } while entries.count == sliceCount
        }
        part.sort()
        return part
    }
}
