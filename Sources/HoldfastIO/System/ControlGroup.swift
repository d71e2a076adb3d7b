/// A control group that this process is in, or one above it (cgroups(7)).
struct ControlGroup: Equatable {
    /// Its directory.
    var path: String
    /// Of version 2, in which all controllers are in one tree.
    var isUnified: Bool

    /// The groups of a controller, of both versions: each of this process's, followed by those above it as far as they can be seen.
    /// - Parameter root: for tests: where `/proc` and the mounts are.
    static func all(_ controller: String, root: String) -> [ControlGroup] {
        var groups: [ControlGroup] = []
        let mounts = Mount.all(SystemFile.text(root + "/proc/self/mountinfo") ?? "")
        for line in (SystemFile.text(root + "/proc/self/cgroup") ?? "").split(separator: "\n") {
            // hierarchy:controllers:path
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
            guard fields.count == 3 else { continue }
            let isUnified = fields[1].isEmpty
            guard isUnified || fields[1].split(separator: ",").contains(where: { $0 == controller }) else { continue }
            for mount in mounts where mount.holds(controller, isUnified: isUnified) {
                let parts = mount.relative(fields[2])
                for count in (0...parts.count).reversed() {
                    groups.append(ControlGroup(path: ([mount.point] + parts.prefix(count)).joined(separator: "/"), isUnified: isUnified))
                }
            }
        }
        return groups
    }

    /// The number that a file of the group holds; nil when there is none, or when it says that there is no limit ("max", in version 1 a number
    /// near 2^63).
    func number(_ name: String, root: String) -> Int? {
        SystemFile.text(root + path + "/" + name).flatMap { Int($0) }.flatMap { $0 < 1 << 62 ? $0 : nil }
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

    func holds(_ controller: String, isUnified: Bool) -> Bool {
        isUnified ? type == "cgroup2" : type == "cgroup" && options.contains { $0 == controller }
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
