internal import Glibc
internal import HoldfastIO

/// Why a file of the data directory can't be written.
package struct DurableFileError: Error, Equatable, CustomStringConvertible, Sendable {
    /// The file.
    package var path: String
    /// The system's reason, in words.
    package var reason: String
    package var description: String { "\(path) can't be written: \(reason). Check the permissions and the room of that folder." }
}

/// Small files that are there whole or not at all, also after a power cut: written beside, synced, renamed, the folder synced.
package enum DurableFile {
    /// Replaces the file at `path`. `mode` is that of the new file from its first moment on.
    package static func write(_ bytes: [UInt8], to path: String, mode: UInt32) throws(DurableFileError) {
        let temporary = path + ".new"
        // A leftover of a crash may have another mode.
        unsafe unlink(temporary)
        let descriptor = unsafe open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw failure(path) }
        var written = 0
        while written < bytes.count {
            let count = unsafe bytes[written...].withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else {
                let error = failure(path)
                close(descriptor)
                throw error
            }
            written += count
        }
        guard fsync(descriptor) == 0 else {
            let error = failure(path)
            close(descriptor)
            throw error
        }
        close(descriptor)
        guard unsafe rename(temporary, path) == 0 else { throw failure(path) }
        try syncFolder(of: path)
    }

    /// Makes the folder at `path` when it isn't there, durably; only its owner may look into it.
    static func makeFolder(_ path: String) throws(DurableFileError) {
        guard unsafe mkdir(path, 0o700) == 0 || errno == EEXIST else { throw failure(path) }
        // Also of one that is there: who made it may have been killed before this.
        try syncFolder(of: path)
    }

    /// Makes the names in the file's folder durable.
    static func syncFolder(of path: String) throws(DurableFileError) {
        let slash = path.lastIndex(of: "/")
        let folder = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let descriptor = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(path) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure(path) }
    }

    private static func failure(_ path: String) -> DurableFileError {
        DurableFileError(path: path, reason: IOError("write", errno: errno).reason)
    }
}
