/// A first-in, first-out list: an array and where it begins. Removing at the front costs nothing and gives memory back now and then.
package struct Queue<Element> {
    private var elements: [Element?] = []
    private var head = 0

    package init() {}

    package init(_ elements: some Sequence<Element>) { self.elements = elements.map { $0 } }

    package var count: Int { elements.count - head }
    package var isEmpty: Bool { head == elements.count }
    package var first: Element? { isEmpty ? nil : elements[head] }
    package var last: Element? { isEmpty ? nil : elements[elements.count - 1] }

    package subscript(index: Int) -> Element {
        guard let element = elements[head + index] else { preconditionFailure("a removed element") }
        return element
    }

    package mutating func append(_ element: Element) { elements.append(element) }

    /// Puts it in front: free where something was taken from the front before.
    package mutating func prepend(_ element: Element) {
        if head == 0 {
            let room = max(8, elements.count / 2)
            elements.insert(contentsOf: repeatElement(nil, count: room), at: 0)
            head = room
        }
        head -= 1
        elements[head] = element
    }

    package mutating func popFirst() -> Element? {
        guard !isEmpty else { return nil }
        // Taken out, not copied: an element's references aren't counted up and down.
        let element = elements[head].take()
        head += 1
        if isEmpty {
            self = Queue()
        } else if head >= 64 && head * 2 >= elements.count {
            elements.removeFirst(head)
            head = 0
        }
        return element
    }

    package mutating func popLast() -> Element? {
        guard !isEmpty, let element = elements.popLast() else { return nil }
        if isEmpty { self = Queue() }
        return element
    }

    package mutating func remove(at index: Int) -> Element {
        if index == 0, let element = popFirst() { return element }
        guard let element = elements.remove(at: head + index) else { preconditionFailure("a removed element") }
        if isEmpty { self = Queue() }
        return element
    }

    /// Changes each element in place.
    package mutating func update(_ change: (inout Element) -> Void) {
        for index in head..<elements.count {
            guard var element = elements[index] else { preconditionFailure("a removed element") }
            change(&element)
            elements[index] = element
        }
    }

    package func firstIndex(where predicate: (Element) -> Bool) -> Int? {
        for index in 0..<count where predicate(self[index]) { return index }
        return nil
    }

    /// The elements in order.
    package var array: [Element] { elements[head...].compactMap { $0 } }
}

extension Queue: Equatable where Element: Equatable {
    package static func == (a: Self, b: Self) -> Bool { a.array == b.array }
}
extension Queue: Sendable where Element: Sendable {}
