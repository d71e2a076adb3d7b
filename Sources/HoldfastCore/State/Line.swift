/// A line: in at the end, out at the front. What has left is let go of also while the line is never empty, because others keep joining it.
@usableFromInline package struct Line<Element> {
    @usableFromInline var elements = ContiguousArray<Element>()
    @usableFromInline var head = 0

    @inlinable package init() {}

    @inlinable package var isEmpty: Bool { head == elements.count }
    @inlinable package var count: Int { elements.count - head }
    @inlinable package var first: Element? { isEmpty ? nil : elements[head] }
    /// From the front.
    subscript(index: Int) -> Element {
        _read { yield elements[head + index] }
        _modify { yield &elements[head + index] }
    }
    /// Those who stand in it, in their order.
    var rest: ContiguousArray<Element>.SubSequence { elements[head...] }
    /// Elements that are kept, also such as have left.
    var room: Int { elements.count }

    @inlinable package mutating func append(_ element: Element) { elements.append(element) }

    @inlinable package mutating func popFirst() -> Element? {
        guard let first else { return nil }
        removeFirst()
        return first
    }

    /// There must be one.
    @inlinable package mutating func removeFirst() {
        assert(!isEmpty, "nobody leaves an empty line")
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
