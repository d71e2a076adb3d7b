/// Rows of one table, encoded for the checkpoint that runs. Their keys are numbers.
struct RowImages: Sendable {
    private struct Row: Sendable {
        var number: UInt64
        var bytes: Range<Int>
    }

    private var rows = ContiguousArray<Row>()
    private var bytes: [UInt8] = []
    /// Rows that were added.
    var count: Int { rows.count }

    /// With room for what will be added.
    /// - Parameter rowBytes: of a row, about.
    init(count: Int = 0, rowBytes: Int = 0) {
        rows.reserveCapacity(count)
        bytes.reserveCapacity(count * rowBytes)
    }

    /// - Parameter encode: appends the row.
    mutating func add(_ number: UInt64, _ encode: (inout [UInt8]) -> Void) {
        let start = bytes.count
        encode(&bytes)
        rows.append(Row(number: number, bytes: start..<bytes.count))
    }

    /// Writes them in the order of their keys.
    func write(_ table: StoreTable, to store: any StoreTransaction) throws(StorageError) {
        for row in rows.sorted(by: { $0.number < $1.number }) {
            try store.put(table, StoreKey.inline(row.number).span, bytes.span.extracting(row.bytes))
        }
    }
}
