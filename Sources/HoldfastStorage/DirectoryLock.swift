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

    /// Makes the directory unless it is there.
    package static func makeDirectory(_ path: String) throws(StorageError) {
        try DurableFile.makeDirectory(DataDirectory(path: path).path)
    }
}
