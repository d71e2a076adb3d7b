/// When phones want to be called: the earliest first. Entries are not taken back; one that is out of date is found to be so when it fires.
struct TimerHeap {
    /// A phone and its time.
    struct Entry {
        var at: UInt64
        var phone: UInt32
    }

    private var entries: [Entry] = []

    /// Adds an entry. Complexity: O(log n).
    mutating func insert(_ entry: Entry) {
        var index = entries.count
        entries.append(entry)
        while index > 0 {
            let parent = (index - 1) / 2
            guard entries[index].at < entries[parent].at else { return }
            entries.swapAt(index, parent)
            index = parent
        }
    }

    /// Takes the earliest entry out if its time has come. Complexity: O(log n).
    mutating func popDue(_ now: UInt64) -> Entry? {
        guard let first = entries.first, first.at <= now else { return nil }
        let last = entries.removeLast()
        guard !entries.isEmpty else { return first }
        entries[0] = last
        var index = 0
        while true {
            let left = 2 * index + 1
            guard left < entries.count else { return first }
            let right = left + 1
            let child = right < entries.count && entries[right].at < entries[left].at ? right : left
            guard entries[child].at < entries[index].at else { return first }
            entries.swapAt(index, child)
            index = child
        }
    }
}
