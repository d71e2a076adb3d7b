/// A line: in at the end, out at the front. What has left is let go of also while the line is never empty, because others keep joining it.
struct Line<Element> {
    private var elements = ContiguousArray<Element>()
    private var head = 0

    var isEmpty: Bool { head == elements.count }
    var count: Int { elements.count - head }
    var first: Element? { isEmpty ? nil : elements[head] }
    /// From the front.
    subscript(index: Int) -> Element {
        _read { yield elements[head + index] }
        _modify { yield &elements[head + index] }
    }
    /// Those who stand in it, in their order.
    var rest: ContiguousArray<Element>.SubSequence { elements[head...] }
    /// Elements that are kept, also such as have left.
    var room: Int { elements.count }

    mutating func append(_ element: Element) { elements.append(element) }

    mutating func popFirst() -> Element? {
        guard let first else { return nil }
        removeFirst()
        return first
    }

    /// There must be one.
    mutating func removeFirst() {
        head += 1
        if isEmpty {
            // The room of a peak goes back.
            elements.removeAll(keepingCapacity: elements.count < 4_096)
            head = 0
        } else if head >= 64, head * 2 >= elements.count {
            elements.removeSubrange(..<head)
            head = 0
        }
    }
}

extension Line: Sendable where Element: Sendable {}
