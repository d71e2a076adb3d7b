import Glibc

/// What a file system says of itself.
enum FileSystem {
    /// Room that this process may use; nil when the system doesn't say.
    static func availableBytes(_ path: String) -> Int? {
        var status = statvfs()
        guard unsafe statvfs(path, &status) == 0 else { return nil }
        let (bytes, isTooMuch) = Int(clamping: status.f_bavail).multipliedReportingOverflow(by: Int(clamping: status.f_frsize))
        return isTooMuch ? .max : bytes
    }
}
