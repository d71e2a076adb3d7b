/// How much memory this process may take before the system ends it.
package struct MemoryLimit: Equatable, Sendable {
    package var bytes: Int
    /// Who sets it: the file of a control group, or "the machine".
    package var source: String

    package init(bytes: Int, source: String) {
        self.bytes = bytes
        self.source = source
    }

    /// The smallest of the machine's memory and of the limits of this process's control groups and of all groups above them, of both versions.
    /// - Parameter root: for tests: where `/proc` and the mounts are.
    /// - Returns: nil when the system doesn't say.
    package static func read(root: String = "") -> MemoryLimit? {
        var limits: [MemoryLimit] = []
        if let bytes = machineBytes(root) { limits.append(MemoryLimit(bytes: bytes, source: "the machine")) }
        let mounts = Mount.all(SystemFile.text(root + "/proc/self/mountinfo") ?? "")
        for line in (SystemFile.text(root + "/proc/self/cgroup") ?? "").split(separator: "\n") {
            // hierarchy:controllers:path
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
            guard fields.count == 3 else { continue }
            let isUnified = fields[1].isEmpty
            guard isUnified || fields[1].split(separator: ",").contains("memory") else { continue }
            for mount in mounts where mount.hasMemoryGroups(isUnified: isUnified) {
                limits += groupLimits(mount, path: fields[2], isUnified: isUnified, root)
            }
        }
        return limits.min { $0.bytes < $1.bytes }
    }

    private static func machineBytes(_ root: String) -> Int? {
        let line = (SystemFile.text(root + "/proc/meminfo") ?? "").split(separator: "\n").first { $0.hasPrefix("MemTotal:") }
        return line?.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 * 1024 }
    }

    /// The limits from the group at `path` up to the top of what is mounted.
    private static func groupLimits(_ mount: Mount, path: String, isUnified: Bool, _ root: String) -> [MemoryLimit] {
        var limits: [MemoryLimit] = []
        var parts = mount.relative(path)
        while true {
            let group = ([mount.point] + parts).joined(separator: "/")
            // Above `high` the kernel slows a process until it stands still: for a server that is a limit too.
            for name in isUnified ? ["memory.max", "memory.high"] : ["memory.limit_in_bytes"] {
                // Version 2 says "max" where there is none, version 1 a number near 2^63.
                guard let bytes = SystemFile.text(root + group + "/" + name).flatMap({ Int($0) }), bytes < 1 << 62 else { continue }
                limits.append(MemoryLimit(bytes: bytes, source: group + "/" + name))
            }
            // Version 1 counts the groups above in, those as well that a container doesn't see.
            if !isUnified, let bytes = hierarchicalBytes(root + group), bytes < 1 << 62 {
                limits.append(MemoryLimit(bytes: bytes, source: group + "/memory.stat"))
            }
            if parts.isEmpty { return limits }
            parts.removeLast()
        }
    }

    private static func hierarchicalBytes(_ group: String) -> Int? {
        let line = (SystemFile.text(group + "/memory.stat") ?? "").split(separator: "\n").first {
            $0.hasPrefix("hierarchical_memory_limit ")
        }
        return line?.split(separator: " ").last.flatMap { Int($0) }
    }
}

/// A line of `/proc/self/mountinfo`, as far as control groups are concerned.
private struct Mount {
    /// Which directory of the file system is mounted.
    var top: String
    /// Where.
    var point: String
    var type: String
    var options: [Substring]

    /// All of a kind that control groups have.
    static func all(_ text: String) -> [Mount] {
        text.split(separator: "\n").compactMap { line in
            // id parent device top point options [optional ...] - type source options-of-the-file-system
            let halves = line.components(around: " - ")
            guard halves.count == 2 else { return nil }
            let (left, right) = (halves[0].split(separator: " "), halves[1].split(separator: " "))
            guard left.count >= 5, let type = right.first, type.hasPrefix("cgroup") else { return nil }
            return Mount(
                top: unescaped(left[3]), point: unescaped(left[4]), type: String(type), options: right.last?.split(separator: ",") ?? [])
        }
    }

    func hasMemoryGroups(isUnified: Bool) -> Bool {
        isUnified ? type == "cgroup2" : type == "cgroup" && options.contains("memory")
    }

    /// The names from the mounted directory down to the group `path`; none when that lies elsewhere, as a container's view of it may.
    func relative(_ path: String) -> [String] {
        let (top, path) = (top.split(separator: "/"), path.split(separator: "/"))
        guard path.starts(with: top), !path.contains("..") else { return [] }
        return path.dropFirst(top.count).map(String.init)
    }

    /// A blank in a path is written as \040.
    private static func unescaped(_ text: Substring) -> String {
        guard text.contains("\\") else { return String(text) }
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let first = rest.first {
            let digits = rest.dropFirst().prefix(3)
            if first == UInt8(ascii: "\\"), digits.count == 3, let byte = UInt8(String(decoding: digits, as: UTF8.self), radix: 8) {
                bytes.append(byte)
                rest = rest.dropFirst(4)
            } else {
                bytes.append(first)
                rest = rest.dropFirst()
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension Substring {
    /// What is before and behind the first `separator`; the whole when there is none.
    fileprivate func components(around separator: String) -> [Substring] {
        guard let range = firstRange(of: separator) else { return [self] }
        return [self[..<range.lowerBound], self[range.upperBound...]]
    }
}
