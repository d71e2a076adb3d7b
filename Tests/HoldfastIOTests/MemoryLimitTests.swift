import Foundation
import HoldfastIO
import Testing

/// Made-up files of the system, as machines with control groups of both versions have them.
@Suite struct MemoryLimitTests {
    private static let mebibyte = 1 << 20
    private static let v1Mount = "35 31 0:29 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory"
    private static let v2Mount = "41 31 0:38 / /sys/fs/cgroup rw,relatime - cgroup2 cgroup2 rw,nsdelegate"
    /// What version 1 says where there is no limit.
    private static let none = "9223372036854771712"

    private func limit(_ files: [String: String]) throws -> MemoryLimit? {
        let root = FileManager.default.temporaryDirectory.path + "/holdfast-memory-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: root) }
        for (path, text) in files {
            let folder = (root + path as NSString).deletingLastPathComponent
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try (text + "\n").write(toFile: root + path, atomically: false, encoding: .utf8)
        }
        return MemoryLimit.read(root: root)
    }

    private func machine(_ groups: String, _ mounts: String, _ files: [String: String]) throws -> MemoryLimit? {
        var files = files
        files["/proc/meminfo"] = "MemTotal:        8388608 kB\nMemFree:           1024 kB"
        files["/proc/self/cgroup"] = groups
        files["/proc/self/mountinfo"] = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n" + mounts
        return try limit(files)
    }

    @Test func `without control groups it is the machine's memory, and without that nothing is said`() throws {
        #expect(try machine("", "", [:]) == MemoryLimit(bytes: 8 << 30, source: "the machine"))
        #expect(try limit([:]) == nil)
    }

    @Test func `version 2: the group's own limit`() throws {
        let file = "/sys/fs/cgroup/system.slice/holdfast.service/memory.max"
        let limit = try machine("0::/system.slice/holdfast.service", Self.v2Mount, [file: "\(100 * Self.mebibyte)"])
        #expect(limit == MemoryLimit(bytes: 100 * Self.mebibyte, source: file))
    }

    @Test func `version 2: the smallest on the way up, "max" is none, and the threshold from which the kernel slows a process counts`()
        throws
    {
        let groups = "0::/a/b/c"
        let unlimited = [
            "/sys/fs/cgroup/a/b/c/memory.max": "max", "/sys/fs/cgroup/a/b/memory.max": "max", "/sys/fs/cgroup/a/memory.max": "max",
        ]
        #expect(try machine(groups, Self.v2Mount, unlimited)?.source == "the machine")
        var files = unlimited
        files["/sys/fs/cgroup/a/memory.max"] = "\(300 * Self.mebibyte)"
        files["/sys/fs/cgroup/a/b/c/memory.max"] = "\(400 * Self.mebibyte)"
        #expect(try machine(groups, Self.v2Mount, files) == MemoryLimit(bytes: 300 * Self.mebibyte, source: "/sys/fs/cgroup/a/memory.max"))
        files["/sys/fs/cgroup/a/b/memory.high"] = "\(200 * Self.mebibyte)"
        #expect(try machine(groups, Self.v2Mount, files)?.source == "/sys/fs/cgroup/a/b/memory.high")
    }

    @Test func `version 1: the group of the memory controller, also beside an empty version 2`() throws {
        let groups = "12:cpu,cpuacct:/other\n4:memory:/pods/one\n1:name=systemd:/\n0::/"
        let mounts = Self.v1Mount + "\n36 31 0:33 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n" + Self.v2Mount
        let folder = "/sys/fs/cgroup/memory"
        var files = [
            folder + "/memory.limit_in_bytes": Self.none, folder + "/pods/memory.limit_in_bytes": Self.none,
            folder + "/pods/one/memory.limit_in_bytes": "\(100 * Self.mebibyte)",
            "/sys/fs/cgroup/cpu,cpuacct/other/memory.limit_in_bytes": "1",
        ]
        #expect(
            try machine(groups, mounts, files)
                == MemoryLimit(bytes: 100 * Self.mebibyte, source: folder + "/pods/one/memory.limit_in_bytes"))
        files[folder + "/pods/memory.limit_in_bytes"] = "\(64 * Self.mebibyte)"
        #expect(try machine(groups, mounts, files)?.source == folder + "/pods/memory.limit_in_bytes")
    }

    @Test func `version 1: in a container that sees only its own group, its limit and those above count`() throws {
        let groups = "4:memory:/docker/abc"
        let mounts = #"35 31 0:29 /docker/abc /mnt/a\040b ro - cgroup cgroup rw,memory"#
        var files = ["/mnt/a b/memory.limit_in_bytes": "\(500 * Self.mebibyte)"]
        #expect(try machine(groups, mounts, files)?.bytes == 500 * Self.mebibyte)
        files["/mnt/a b/memory.stat"] = "cache 1\nhierarchical_memory_limit \(200 * Self.mebibyte)\nhierarchical_memsw_limit 5"
        #expect(try machine(groups, mounts, files) == MemoryLimit(bytes: 200 * Self.mebibyte, source: "/mnt/a b/memory.stat"))
    }

    @Test func `a group that lies outside of what is mounted is taken for the mounted one`() throws {
        for path in ["/", "/../outer", "/elsewhere"] {
            let mount = "41 31 0:38 /inner /sys/fs/cgroup rw - cgroup2 cgroup2 rw"
            let limit = try machine("0::" + path, mount, ["/sys/fs/cgroup/memory.max": "\(50 * Self.mebibyte)"])
            #expect(limit?.bytes == 50 * Self.mebibyte)
        }
    }

    @Test func `files that are missing or make no sense don't limit`() throws {
        let files = ["/sys/fs/cgroup/memory/a/memory.limit_in_bytes": "lots", "/sys/fs/cgroup/a/memory.max": ""]
        #expect(
            try machine("4:memory:/a\n0::/a\nnonsense\n::", Self.v1Mount + "\n" + Self.v2Mount + "\n1 2", files)?.source == "the machine")
    }

    @Test func `this machine says something`() {
        #expect((MemoryLimit.read()?.bytes ?? 0) > 1 << 20)
    }
}
