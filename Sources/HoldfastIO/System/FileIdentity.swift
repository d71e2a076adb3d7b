internal import Glibc

/// Which file it is, whatever its name.
package struct FileIdentity: Equatable {
    private var device: UInt64
    private var number: UInt64
    /// The size of a regular file; nil for anything else.
    package let regularBytes: Int?

    /// The file that is open here.
    package init?(descriptor: Int32) {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { return nil }
        self.init(status)
    }

    /// The file that has this name now.
    package init?(path: String) {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return nil }
        self.init(status)
    }

    private init(_ status: stat) {
        device = UInt64(status.st_dev)
        number = UInt64(status.st_ino)
        regularBytes = status.st_mode & S_IFMT == S_IFREG ? Int(status.st_size) : nil
    }

    /// Sizes don't matter.
    package static func == (a: Self, b: Self) -> Bool { a.device == b.device && a.number == b.number }
}
