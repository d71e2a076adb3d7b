import HoldfastWire

/// A list of inbox entries, oldest first, whose nodes are in an `EntryPool`.
struct EntryList {
    var head = noSlot
    var tail = noSlot
    var isEmpty: Bool { head == noSlot }
}

/// An entry in a list.
struct EntryNode {
    enum Kind: UInt8 {
        /// Counts against the credit.
        case message
        /// Messages that will not come.
        case gap
        /// Own sends: nothing to acknowledge.
        case skip
    }

    var entry: InboxEntry
    /// Bytes of the body; for a step of the stream without a message (`GAP`, `SKIP`) 0.
    var size: UInt32
    var kind: Kind
    fileprivate(set) var next: Slot
}

/// The nodes of all lists of entries: one array and a free list, so that an entry costs no allocation.
struct EntryPool: ~Copyable {
    private var nodes = ContiguousArray<EntryNode>()
    private var firstFree = noSlot
    private(set) var usedCount = 0

    subscript(slot: Slot) -> EntryNode { nodes[Int(slot)] }

    func next(after slot: Slot) -> Slot { nodes[Int(slot)].next }

    mutating func append(_ entry: InboxEntry, size: UInt32, kind: EntryNode.Kind, to list: inout EntryList) {
        let node = EntryNode(entry: entry, size: size, kind: kind, next: noSlot)
        let slot: Slot
        if firstFree != noSlot {
            slot = firstFree
            firstFree = nodes[Int(slot)].next
            nodes[Int(slot)] = node
        } else {
            slot = Slot(nodes.count)
            nodes.append(node)
        }
        if list.isEmpty { list.head = slot } else { nodes[Int(list.tail)].next = slot }
        list.tail = slot
        usedCount += 1
    }

    /// The oldest entry.
    func first(of list: EntryList) -> EntryNode? { list.isEmpty ? nil : nodes[Int(list.head)] }

    /// The newest entry.
    func last(of list: EntryList) -> EntryNode? { list.isEmpty ? nil : nodes[Int(list.tail)] }

    mutating func replaceLast(of list: EntryList, by entry: InboxEntry) { nodes[Int(list.tail)].entry = entry }

    mutating func removeFirst(of list: inout EntryList) -> EntryNode? {
        guard !list.isEmpty else { return nil }
        let slot = list.head
        let node = nodes[Int(slot)]
        list.head = node.next
        if list.isEmpty { list.tail = noSlot }
        nodes[Int(slot)].next = firstFree
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
        firstFree = noSlot
    }
}
