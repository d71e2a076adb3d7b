/// What the next checkpoint writes, by table: a storage keeps room for it.
package struct CheckpointRows: Equatable, Sendable {
    private var rows = [Int](repeating: 0, count: StoreTable.allCases.count)
    /// Timelines that get entries or lose some.
    package var timelines = 0
    /// Entries that timelines get; each also takes a row of the table `kept`, which isn't counted beside it.
    package var entriesAdded = 0
    /// Entries on disk that leave their timelines; each goes from the table `kept` to the table `released`.
    package var entriesRemoved = 0
    /// What limits of whom sessions may write to take in rows of users.
    package var limitBytes = 0

    package init() {}

    /// Rows of a table that are put or deleted, without those that follow from entries.
    package subscript(table: StoreTable) -> Int {
        get { rows[Int(table.rawValue)] }
        set {
            assert(newValue >= 0, "rows are counted, not owed")
            rows[Int(table.rawValue)] = newValue
        }
    }
}
