internal import CLinux
internal import Glibc

/// What the disk of a directory is like, as far as a gateway depends on it.
package struct DiskFacts: Equatable, Sendable {
    /// The kind of file system, as statfs(2) numbers them; 0: unknown.
    package var fileSystem: UInt64 = 0
    package var availableBytes: Int?
    /// The median of some small writes, each synced; nil: nothing can be written there.
    package var syncMicroseconds: UInt64?
    /// The slowest of them.
    package var syncMicrosecondsMax: UInt64?

    package init() {}

    private static let syncs = 32

    /// Looks at the file system of `directory`, which has to be there, and writes and removes a small file in it.
    package static func read(_ directory: String) -> DiskFacts {
        var facts = DiskFacts()
        facts.fileSystem = unsafe clinux_file_system_type(directory)
        var status = statvfs()
        if unsafe statvfs(directory, &status) == 0 {
            let (bytes, isTooMuch) = Int(clamping: status.f_bavail).multipliedReportingOverflow(by: Int(clamping: status.f_frsize))
            facts.availableBytes = isTooMuch ? .max : bytes
        }
        let times = syncTimes(directory).sorted()
        if !times.isEmpty { (facts.syncMicroseconds, facts.syncMicrosecondsMax) = (times[times.count / 2], times[times.count - 1]) }
        return facts
    }

    private static func syncTimes(_ directory: String) -> [UInt64] {
        let path = "\(directory)/doctor-probe-\(getpid())"
        let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return [] }
        defer {
            close(descriptor)
            unsafe unlink(path)
        }
        let page = [UInt8](repeating: 0x5A, count: 4096)
        var times: [UInt64] = []
        for _ in 0..<syncs {
            let start = clinux_monotonic_nanoseconds()
            guard unsafe write(descriptor, page, page.count) == page.count, fdatasync(descriptor) == 0 else { return [] }
            times.append((clinux_monotonic_nanoseconds() - start) / 1000)
        }
        return times
    }
}
