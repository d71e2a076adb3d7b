import HoldfastWire

struct EntrySlot: TableSlot { let rawValue: UInt32 }

/// A list of inbox entries, oldest first, whose nodes are in an `EntryPool`.
struct EntryList {
    fileprivate(set) var head = EntrySlot.none
    fileprivate var tail = EntrySlot.none
    var isEmpty: Bool { head == .none }
}

/// An entry in a list.
struct EntryNode {
    enum Kind: UInt8 {
        /// Counts against the credit.
        case message = 0
        /// Messages that will not come.
        case gap = 1
        /// Own sends: nothing to acknowledge.
        case skip = 2
    }

    /// Without flags and reference where it is a step of a stream.
    fileprivate(set) var timelineEntry: TimelineEntry
    /// The kind is in the top bits: a node has 32 bytes.
    private let sizeAndKind: UInt32
    fileprivate(set) var next: EntrySlot

    private static let sizeBits: UInt32 = 30

    fileprivate init(_ entry: TimelineEntry, size: UInt32, kind: Kind) {
        precondition(size >> Self.sizeBits == 0, "a body is shorter than a batch")
        timelineEntry = entry
        sizeAndKind = UInt32(kind.rawValue) << Self.sizeBits | size
        next = .none
    }

    /// Where it is.
    var entry: InboxEntry { timelineEntry.mark }

    /// Bytes of the body; for a step of the stream without a message (`GAP`, `SKIP`) 0.
    var size: UInt32 { sizeAndKind & (1 << Self.sizeBits - 1) }

    var kind: Kind {
        switch sizeAndKind >> Self.sizeBits {
        case 0: .message
        case 1: .gap
        default: .skip
        }
    }
}

/// The nodes of all lists of entries: one array and a free list, so that an entry costs no allocation.
struct EntryPool: ~Copyable {
    private var nodes = ContiguousArray<EntryNode>()
    private var firstFree = EntrySlot.none
    private(set) var usedCount = 0

    subscript(slot: EntrySlot) -> EntryNode { nodes[slot.index] }

    func next(after slot: EntrySlot) -> EntrySlot { nodes[slot.index].next }

    mutating func append(_ entry: TimelineEntry, size: UInt32, kind: EntryNode.Kind, to list: inout EntryList) {
        let node = EntryNode(entry, size: size, kind: kind)
        assert(last(of: list).map { $0.entry.position < entry.position } ?? true, "positions of a list rise")
        let slot: EntrySlot
        if firstFree != .none {
            slot = firstFree
            firstFree = nodes[slot.index].next
            nodes[slot.index] = node
        } else {
            slot = EntrySlot(rawValue: UInt32(nodes.count))
            nodes.append(node)
        }
        if list.isEmpty { list.head = slot } else { nodes[list.tail.index].next = slot }
        list.tail = slot
        usedCount += 1
    }

    /// The oldest entry.
    func first(of list: EntryList) -> EntryNode? { list.isEmpty ? nil : nodes[list.head.index] }

    /// The newest entry.
    func last(of list: EntryList) -> EntryNode? { list.isEmpty ? nil : nodes[list.tail.index] }

    mutating func replaceLast(of list: EntryList, by entry: InboxEntry) { nodes[list.tail.index].timelineEntry = TimelineEntry(entry) }

    mutating func removeFirst(of list: inout EntryList) -> EntryNode? {
        guard !list.isEmpty else { return nil }
        let slot = list.head
        let node = nodes[slot.index]
        list.head = node.next
        if list.isEmpty { list.tail = .none }
        nodes[slot.index].next = firstFree
        firstFree = slot
        usedCount -= 1
        if usedCount == 0 { shrink() }
        return node
    }

    mutating func removeAll(of list: inout EntryList) {
        while removeFirst(of: &list) != nil {}
    }

    /// Gives the room of a past peak back.
    private mutating func shrink() {
        guard nodes.count > 4_096 else { return }
        nodes = []
        firstFree = .none
    }
}
