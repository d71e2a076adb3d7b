package import HoldfastCore

/// A data directory that a command has for itself, as a gateway has while it serves; released with the object, or when the process dies.
package final class DirectoryLock: Sendable {
    private let lock: FileLock

    /// - Throws: `.inUse` while a gateway has the directory.
    package init(_ path: String) throws(StorageError) {
        let directory = DataDirectory(path: path)
        guard DurableFile.exists(directory.path) else {
            throw StorageError.failure(.absent, "use the data directory", directory.path, "it isn't there")
        }
        lock = try directory.acquireLock()
    }

    /// Whether there is a whole data directory at `path`. Throws for one that can't be used.
    package static func isMade(_ path: String) throws(StorageError) -> Bool { try DataDirectory(path: path).madeFormat() != nil }

    /// The format that the directory at `path` names; nil: it doesn't, or what names it is damaged.
    package static func namedFormat(_ path: String) throws(StorageError) -> StorageFormat? {
        do throws(StorageError) {
            return try DataDirectory(path: path).storedFormat()
        } catch {
            if error.code == .newerFormat { throw error }
            return nil
        }
    }

    /// The number of the format that the directory at `path` names, known or not; nil: there is none.
    package static func formatNumber(_ path: String) throws(StorageError) -> UInt64? { try DataDirectory(path: path).formatNumber() }

    /// Makes the directory unless it is there.
    package static func makeDirectory(_ path: String) throws(StorageError) {
        try DurableFile.makeDirectory(DataDirectory(path: path).path)
    }
}
