import Foundation

/// A bound on the processor time of a process, by a control group (version 1 or 2) of this run; removed with the object.
///
/// With a gateway that has a part of a core only, a generator on the same machine can offer ten times of what it can do.
final class CPUShare: Sendable {
    private let folder: String
    private static let prefix = "holdfast-load-"
    private static let periodMicroseconds = 10_000

    /// - Parameter cores: 0.2 is a fifth of one.
    init(cores: Double) throws {
        let isVersion2 = FileManager.default.fileExists(atPath: "/sys/fs/cgroup/cgroup.controllers")
        let parent = isVersion2 ? "/sys/fs/cgroup/" : "/sys/fs/cgroup/cpu/"
        Self.removeLeftovers(parent)
        let name = "\(Self.prefix)\(getpid())-\(UInt32.random(in: .min ... .max))"
        let quota = Int(cores * Double(Self.periodMicroseconds))
        folder = parent + name
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
            if isVersion2 {
                try Self.write("\(quota) \(Self.periodMicroseconds)", folder + "/cpu.max")
            } else {
                try Self.write("\(Self.periodMicroseconds)", folder + "/cpu.cfs_period_us")
                try Self.write("\(quota)", folder + "/cpu.cfs_quota_us")
            }
        } catch {
            unsafe rmdir(folder)
            throw LoadError("\(folder) can't be made or set (it needs root, and the cpu controller): use --share 0. \(error)")
        }
    }

    deinit { unsafe rmdir(folder) }

    /// Bounds a process, with all its threads.
    func bound(_ pid: Int32) throws { try Self.write("\(pid)", folder + "/cgroup.procs") }

    /// Removes what runs have left that were killed. One with processes in it can't be removed.
    private static func removeLeftovers(_ parent: String) {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? [] where name.hasPrefix(prefix) {
            guard let pid = name.dropFirst(prefix.count).split(separator: "-").first.flatMap({ Int32($0) }) else { continue }
            if !ProcessMeter(pid: pid).isAlive { unsafe rmdir(parent + name) }
        }
    }

    // These files take one write, and no other file in their place.
    private static func write(_ text: String, _ path: String) throws {
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        try handle.write(contentsOf: Data(text.utf8))
        try handle.close()
    }
}
