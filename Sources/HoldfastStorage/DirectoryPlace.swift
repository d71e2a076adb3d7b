import Glibc
import HoldfastCore

/// Which files were those of a data directory when it was opened: what is stored in files that have no name there any more is gone with the process.
struct DirectoryPlace: Sendable {
    private struct Entry: Sendable {
        var path: String
        var device: dev_t
        var number: ino_t
    }

    private let directory: String
    private let entries: [Entry]

    /// Takes down the directory itself, the files that are written, and those that keep others away from them.
    init(_ directory: DataDirectory) throws(StorageError) {
        self.directory = directory.path
        var entries: [Entry] = []
        let environments = [directory.journal, directory.store].flatMap { ["\($0)/data.mdb", "\($0)/lock.mdb"] }
        for path in [directory.path, directory.lock] + environments {
            var status = stat()
            guard unsafe stat(path, &status) == 0 else { throw StorageError.system(errno, "find", path) }
            entries.append(Entry(path: path, device: status.st_dev, number: status.st_ino))
        }
        self.entries = entries
    }

    /// Whether all are where they were.
    func check() throws(StorageError) {
        for entry in entries {
            var status = stat()
            let isThere = unsafe stat(entry.path, &status) == 0
            if isThere, status.st_dev == entry.device, status.st_ino == entry.number { continue }
            // What can't be looked at for another reason may be there.
            guard isThere || [ENOENT, ENOTDIR].contains(errno) else { continue }
            throw StorageError(
                .system,
                "The data directory \(directory) is not in its place any more: \(entry.path) was \(isThere ? "replaced" : "removed or renamed") "
                    + "while the gateway used it. Nothing more is confirmed. Put the directory back, or restore a backup, and start again.")
        }
    }
}
