/// How often each code was used: counters that one thread owns.
package struct CountByCode<Code: CaseIterable & RawRepresentable & Sendable>: Sendable where Code.RawValue: FixedWidthInteger & Sendable {
    /// By the code's number, from the lowest one on.
    private var counts: ContiguousArray<UInt64>
    private let lowest: Int

    package init() {
        let numbers = Code.allCases.map { Int($0.rawValue) }
        lowest = numbers.min() ?? 0
        counts = ContiguousArray(repeating: 0, count: (numbers.max() ?? 0) - lowest + 1)
    }

    package subscript(code: Code) -> UInt64 {
        get { counts[Int(code.rawValue) - lowest] }
        set { counts[Int(code.rawValue) - lowest] = newValue }
    }

    /// One more of this code.
    package mutating func count(_ code: Code) { self[code] &+= 1 }

    /// Adds the counts of another thread.
    package mutating func add(_ other: CountByCode) {
        for index in counts.indices { counts[index] &+= other.counts[index] }
    }
}
