/// What a peer's client has published and nobody has acknowledged yet, the oldest first.
struct PublishQueue {
    struct Entry {
        var id: UInt64
        var name: String
        var body: [UInt8]
    }

    private var entries: [Entry] = []
    // Those before it are done.
    private var start = 0

    /// The open ones.
    var open: ArraySlice<Entry> { entries[start...] }

    mutating func append(_ id: UInt64, to name: String, _ body: [UInt8]) { entries.append(Entry(id: id, name: name, body: body)) }

    /// Takes one out.
    /// - Returns: whether it was there.
    mutating func remove(_ id: UInt64) -> Bool {
        // Servers answer in order, so that the first one matches nearly always.
        guard let index = open.firstIndex(where: { $0.id == id }) else { return false }
        if index == start {
            entries[index].body = []
            start += 1
        } else {
            entries.remove(at: index)
        }
        tidy()
        return true
    }

    /// Takes the oldest out.
    mutating func removeFirst() -> Entry? {
        guard let first = open.first else { return nil }
        start += 1
        tidy()
        return first
    }

    private mutating func tidy() {
        guard start == entries.count || start >= 256 else { return }
        entries.removeFirst(start)
        start = 0
    }
}
