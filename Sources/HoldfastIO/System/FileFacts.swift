internal import Glibc

/// What the system says of a file. Modules that import Foundation ask here: a clean build of theirs may take `stat` for CoreFoundation's, whose
/// members it then refuses.
package struct FileFacts: Equatable, Sendable {
    /// Not a folder, a pipe or a device: those could have a reader wait for ever.
    package var isRegular: Bool
    package var isSocket: Bool
    /// The permission bits.
    package var mode: UInt32
    /// The number of the user who owns it.
    package var owner: UInt32
    package var bytes: Int
    /// Bytes that it takes on the disk.
    package var diskBytes: Int

    /// Whether others than its owner and its group may read it.
    package var isWorldReadable: Bool { mode & 0o004 != 0 }

    /// - Parameter followsLinks: as readers of the file do; else a link is asked for itself.
    /// - Throws: an error that names the path and the system's reason.
    package init(path: String, followsLinks: Bool = true) throws(IOError) {
        var facts = stat()
        let status = followsLinks ? unsafe stat(path, &facts) : unsafe lstat(path, &facts)
        guard status == 0 else { throw IOError("look at \(path)", errno: errno) }
        isRegular = facts.st_mode & S_IFMT == S_IFREG
        isSocket = facts.st_mode & S_IFMT == S_IFSOCK
        mode = facts.st_mode & 0o777
        owner = facts.st_uid
        bytes = Int(facts.st_size)
        // In units of 512 bytes, whatever the file system's own unit is.
        diskBytes = Int(facts.st_blocks) * 512
    }
}
