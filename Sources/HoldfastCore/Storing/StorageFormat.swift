/// The format of a data directory: of its tables, their rows and its records. The file `format` has the number, and so has a row of `meta` in each
/// environment. It rises, synced, before the first row or record that an earlier version can't read.
package enum StorageFormat: UInt64, CaseIterable, Comparable, Sendable {
    /// Entries of 16 bytes in the store's table `inbox`; neither environment names its format.
    case one = 1
    /// Entries of 24 bytes in the store's table `timelines`.
    case two = 2

    /// What this version writes.
    package static let current = StorageFormat.two
    /// The row's key.
    package static let key = Array("format".utf8)

    package static func < (a: StorageFormat, b: StorageFormat) -> Bool { a.rawValue < b.rawValue }
}
