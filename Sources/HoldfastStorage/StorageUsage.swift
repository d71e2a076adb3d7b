/// How much a data directory holds.
package struct StorageUsage: Equatable, Sendable {
    /// Of the journal's file, used pages and free ones.
    package var journalFileBytes = 0
    /// Pages inside the journal's file that will be used again.
    package var journalFreeBytes = 0
    /// Of the store's file, used pages and free ones.
    package var storeFileBytes = 0
    /// Pages inside the store's file that will be used again.
    package var storeFreeBytes = 0
    /// Records in the journal.
    package var recordCount = 0
    /// Rows of each table of the store, in the order of `StoreTable`'s raw values.
    package var rowCounts: [Int] = []
    /// Entries of all timelines.
    package var timelineEntryCount = 0

    /// Of nothing.
    package init() {}
}
