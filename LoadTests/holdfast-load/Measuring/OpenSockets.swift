import Glibc

/// Sockets of another process, and which of them it still has.
///
/// A list of /proc/PID/fd takes as long as the process has descriptors, which is too much for a look every few milliseconds. A look here is one
/// call for each socket that was closed since the last one, and one more.
struct OpenSockets {
    struct Entry: Hashable {
        /// /proc/PID/fd/NUMBER
        let path: String
        /// `socket:[inode]`: a new socket with the number of an old one is another.
        let link: String
    }

    /// Those that were there, without those that are known to be closed.
    var entries: [Entry]

    /// The sockets that a process has now; nil if there is no such process, or it's somebody else's.
    /// - Parameter known: these are left out.
    init?(pid: Int32, except known: OpenSockets? = nil) {
        let folder = "/proc/\(pid)/fd"
        guard let directory = unsafe opendir(folder) else { return nil }
        defer { unsafe closedir(directory) }
        let known = Set(known?.entries ?? [])
        var entries: [Entry] = []
        while let item = unsafe readdir(directory) {
            let name = unsafe withUnsafeBytes(of: item.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            let path = folder + "/" + name
            guard let link = Self.link(path), link.hasPrefix("socket:") else { continue }
            let entry = Entry(path: path, link: link)
            if !known.contains(entry) { entries.append(entry) }
        }
        self.entries = entries
    }

    /// Whether all have been closed. A process that has ended has none.
    mutating func areClosed() -> Bool {
        while let last = entries.last {
            if Self.link(last.path) == last.link { return false }
            entries.removeLast()
        }
        return true
    }

    private static func link(_ path: String) -> String? {
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
            guard let start = buffer.baseAddress else { return nil }
            let count = unsafe readlink(path, start, buffer.count)
            guard count > 0 else { return nil }
            return unsafe String(decoding: UnsafeRawBufferPointer(start: start, count: count), as: UTF8.self)
        }
    }
}
