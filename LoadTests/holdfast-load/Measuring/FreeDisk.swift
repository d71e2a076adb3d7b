import Glibc

/// Room on a disk, looked at before a run that writes much.
enum FreeDisk {
    /// Throws if there is less room than `bytes` at `path`, or at the folder that it will be made in.
    static func check(_ path: String, bytes: Int) throws {
        var path = path
        var status = statvfs()
        while unsafe statvfs(path, &status) != 0 {
            guard errno == ENOENT, let slash = path.lastIndex(of: "/") else { path = "."; continue }
            path = slash == path.startIndex ? "/" : String(path[..<slash])
        }
        let free = Int(status.f_bavail) * Int(status.f_frsize)
        guard free < bytes else { return }
        throw LoadError(
            "the disk of \(path) has \(free >> 20) MB free, and this run needs about \(bytes >> 20) MB: make room, name another disk, or ask for less"
        )
    }
}
