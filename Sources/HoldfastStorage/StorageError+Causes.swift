import CLMDB
import Glibc
import HoldfastCore
import HoldfastSystem

// Every error says what was tried, where, why it failed, and what to do.
extension StorageError {
    /// An error from a code of LMDB: its own ones are negative, those of the system positive.
    static func lmdb(_ code: Int32, _ action: StaticString, _ path: String) -> StorageError {
        switch code {
        case MDB_MAP_FULL: failure(.limit, action, path, "its map is used up")
        case MDB_CORRUPTED, MDB_PAGE_NOTFOUND, MDB_INVALID, MDB_PANIC, MDB_INCOMPATIBLE, MDB_NOTFOUND, MDB_BAD_TXN, MDB_CURSOR_FULL:
            failure(.damaged, action, path, text(code))
        case MDB_VERSION_MISMATCH: failure(.newerFormat, action, path, text(code))
        default: system(code, action, path)
        }
    }

    /// An error from `errno`.
    static func system(_ number: Int32, _ action: StaticString, _ path: String) -> StorageError {
        // What the process or the user may have isn't what the disk has: the text must not send anybody there.
        if let (reason, advice) = SystemLimit.reached(number) {
            let advice = advice.prefix(1).uppercased() + advice.dropFirst()
            return StorageError(number == EDQUOT ? .full : .system, "Can't \(action) \(path): \(reason). \(advice), and start again.")
        }
        return switch number {
        case ENOSPC: failure(.full, action, path, text(number))
        case EROFS, EACCES, EPERM: failure(.readOnly, action, path, text(number))
        default: failure(.system, action, path, text(number))
        }
    }

    /// An error about what is stored at `path`, with `reason` in words.
    static func failure(_ code: Code, _ action: StaticString, _ path: String, _ reason: String) -> StorageError {
        StorageError(code, "Can't \(action) \(path): \(reason). \(advice(code))")
    }

    private static func advice(_ code: Code) -> String {
        switch code {
        case .full: "Free some room on its file system, or move the directory to a larger one, and start again."
        case .limit:
            "The disk isn't full: start again, which makes the map larger; raise storageBytesMax, and end whoever reads the directory and stands still."
        case .system: "Look into the system's log for the disk or the limit behind it, mend that, and start again."
        case .damaged: "Nothing was deleted; check the disk, and run holdfast verify and holdfast repair --dry-run, or restore a backup."
        case .inUse: "Stop the other process, or use another data directory."
        case .readOnly: "Run as the owner of its directory, or make that writable, and start again."
        case .newerFormat: "Use the version of holdfast that wrote it, or a later one."
        case .olderFormat: "Make a backup, and start with --migrate."
        case .storeAhead: "Journal and store are not of the same moment; run holdfast repair --dry-run, or restore both from one backup."
        case .failedCommit: "Nothing was deleted; check the disk, and run holdfast repair --dry-run, or restore a backup."
        case .absent: "Name the directory that the gateway has in --data, or data in its configuration."
        }
    }

    private static func text(_ code: Int32) -> String {
        // LMDB's strings and the system's for known numbers are static; the pointer is read at once.
        unsafe String(cString: mdb_strerror(code))
    }
}

/// Throws what `code` means, unless it is success.
@inline(__always)
func check(_ code: Int32, _ action: StaticString, _ path: @autoclosure () -> String) throws(StorageError) {
    if code != MDB_SUCCESS { throw StorageError.lmdb(code, action, path()) }
}
