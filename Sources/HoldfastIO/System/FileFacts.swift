internal import Glibc

/// What the system says of a file that an operator has named.
package struct FileFacts: Equatable, Sendable {
    /// Not a folder, a pipe or a device: those could have a reader wait for ever.
    package var isRegular: Bool
    /// The permission bits.
    package var mode: UInt32

    /// Whether others than its owner and its group may read it.
    package var isWorldReadable: Bool { mode & 0o004 != 0 }

    /// Follows links, as their readers do.
    package init(path: String) throws(IOError) {
        var facts = stat()
        guard unsafe stat(path, &facts) == 0 else { throw IOError("look at \(path)", errno: errno) }
        isRegular = facts.st_mode & S_IFMT == S_IFREG
        mode = facts.st_mode & 0o777
    }
}
