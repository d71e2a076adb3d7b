/// What will happen, by time; what happens at the same time keeps the order in which it was scheduled.
struct EventQueue {
    private struct Entry {
        var time: UInt64
        var order: UInt64
        var action: () -> Void

        func isBefore(_ other: Entry) -> Bool { (time, order) < (other.time, other.order) }
    }

    /// A binary heap: the parent of `index` is at `(index - 1) / 2`.
    private var heap: ContiguousArray<Entry> = []
    private var scheduled: UInt64 = 0

    var nextTime: UInt64? { heap.first?.time }

    mutating func schedule(at time: UInt64, _ action: @escaping () -> Void) {
        scheduled += 1
        heap.append(Entry(time: time, order: scheduled, action: action))
        var index = heap.count - 1
        while index > 0, heap[index].isBefore(heap[(index - 1) / 2]) {
            heap.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    mutating func popFirst() -> (time: UInt64, action: () -> Void)? {
        guard let first = heap.first, let last = heap.popLast() else { return nil }
        if !heap.isEmpty {
            heap[0] = last
            sink()
        }
        return (first.time, first.action)
    }

    private mutating func sink() {
        var index = 0
        while true {
            var least = index
            for child in [2 * index + 1, 2 * index + 2] where child < heap.count && heap[child].isBefore(heap[least]) { least = child }
            guard least != index else { return }
            heap.swapAt(index, least)
            index = least
        }
    }

    mutating func removeAll() { heap.removeAll() }
}
