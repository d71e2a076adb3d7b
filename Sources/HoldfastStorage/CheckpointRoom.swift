import HoldfastCore

/// What a checkpoint needs in the store at most, by the tables that it writes: copies of the pages that it changes, and what it adds.
struct CheckpointRoom: Sendable {
    /// Pages that are replaced by copies; they are free only after the transaction.
    let copiedPages: Int
    /// What rows and entries add, in pages that are half full.
    let addedBytes: Int

    static let pageBytes = 4096
    /// A row among others: its page and the one above. Higher ones are few.
    private static let pagesPerRow = 2
    /// An entry lies in a tree of its timeline: its page, the one of the table that names the tree, and the one above that.
    private static let pagesPerTimeline = 3
    /// Rows with rising keys lie side by side: 16 to 64 bytes each in half a page.
    private static let risingRowsPerPage = 32
    /// 24 bytes in a timeline, and its position's count.
    private static let bytesPerEntryAdded = 160
    /// Its position among the released ones.
    private static let bytesPerEntryRemoved = 64
    /// A page that a transaction has replaced by a copy is in the list of free pages.
    private static let copiesPerListPage = 256

    init(_ rows: CheckpointRows) {
        // In half full pages, as all that is added.
        var (pages, bytes) = (0, 2 * rows.limitBytes)
        for table in StoreTable.allCases {
            let count = rows[table]
            pages += Self.areKeysRising(table) ? count / Self.risingRowsPerPage + 1 : count * Self.pagesPerRow
            bytes += count * Self.rowBytes(table)
        }
        pages += rows.timelines * Self.pagesPerTimeline
        // Positions that are kept are the newest; those that leave are anywhere.
        pages += rows.entriesAdded / Self.risingRowsPerPage + rows.entriesRemoved
        bytes += rows.entriesAdded * Self.bytesPerEntryAdded + rows.entriesRemoved * Self.bytesPerEntryRemoved
        copiedPages = pages
        addedBytes = bytes
    }

    /// - Parameter usedBytes: of the store's pages: no more can be copied.
    func bytes(usedBytes: Int) -> Int {
        let copies = min(usedBytes, copiedPages * Self.pageBytes)
        return copies + copies / Self.copiesPerListPage + addedBytes
    }

    /// Whether new rows are behind all that the table has.
    private static func areKeysRising(_ table: StoreTable) -> Bool {
        switch table {
        case .userNames, .conversations, .released, .ages, .audit: true
        case .meta, .userByName, .users, .devices, .pairs, .kept, .holds, .ledger: false
        }
    }

    /// What a row takes in a half full page, with a name of the usual length.
    private static func rowBytes(_ table: StoreTable) -> Int {
        switch table {
        case .users, .audit: 384
        case .userByName, .userNames, .devices, .holds: 160
        case .meta, .conversations, .pairs, .kept, .released, .ages, .ledger: 96
        }
    }
}
