/// Cuts bytes into lines. The end of a line is a line feed, which isn't part of it; a last line may lack it.
struct LineSplitter {
    /// A line that is longer than any message can be.
    struct LineTooLong: Error, Equatable {
        /// The first line is 1.
        var lineNumber: UInt64
        var bytesMax: Int
    }

    private let bytesMax: Int
    private var pending: [UInt8] = []
    private var lineCount: UInt64 = 0

    /// - Parameter bytesMax: longer lines are refused, so that what is kept is bounded.
    init(bytesMax: Int) { self.bytesMax = bytesMax }

    /// Takes bytes and appends the lines that they complete.
    mutating func append(_ bytes: ArraySlice<UInt8>, into lines: inout [ArraySlice<UInt8>]) throws(LineTooLong) {
        var rest = bytes
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            let part = rest[rest.startIndex..<end]
            try check(part.count)
            lineCount += 1
            if pending.isEmpty {
                lines.append(part)
            } else {
                lines.append((pending + part)[...])
                pending = []
            }
            rest = rest[(end + 1)...]
        }
        try check(rest.count)
        pending.append(contentsOf: rest)
    }

    /// The input is over: a last line without an end, if there is one.
    mutating func finish() -> ArraySlice<UInt8>? {
        guard !pending.isEmpty else { return nil }
        lineCount += 1
        defer { pending = [] }
        return pending[...]
    }

    private func check(_ count: Int) throws(LineTooLong) {
        if pending.count + count > bytesMax { throw LineTooLong(lineNumber: lineCount + 1, bytesMax: bytesMax) }
    }
}
