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
        for group in ControlGroup.all("memory", root: root) {
            // Above `high` the kernel slows a process until it stands still: for a server that is a limit too.
            for name in group.isUnified ? ["memory.max", "memory.high"] : ["memory.limit_in_bytes"] {
                if let bytes = group.number(name, root: root) { limits.append(MemoryLimit(bytes: bytes, source: group.path + "/" + name)) }
            }
            // Version 1 counts the groups above in, those as well that a container doesn't see.
            if !group.isUnified, let bytes = hierarchicalBytes(root + group.path), bytes < 1 << 62 {
                limits.append(MemoryLimit(bytes: bytes, source: group.path + "/memory.stat"))
            }
        }
        return limits.min { $0.bytes < $1.bytes }
    }

    private static func machineBytes(_ root: String) -> Int? {
        let line = (SystemFile.text(root + "/proc/meminfo") ?? "").split(separator: "\n").first { $0.hasPrefix("MemTotal:") }
        return line?.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 * 1024 }
    }

    private static func hierarchicalBytes(_ group: String) -> Int? {
        let line = (SystemFile.text(group + "/memory.stat") ?? "").split(separator: "\n").first {
            $0.hasPrefix("hierarchical_memory_limit ")
        }
        return line?.split(separator: " ").last.flatMap { Int($0) }
    }
}
