import Foundation

/// CPU time and memory of a server: of its first process and all that come from it.
struct PeerMeter: Sendable {
    /// The processes that were started; the others are found through them.
    let roots: [Int32]

    /// All processes, the roots first.
    var pids: [Int32] {
        let parents = Self.parents
        var all = roots
        var next = 0
        while next < all.count {
            let parent = all[next]
            next += 1
            all += parents.filter { $0.value == parent && !all.contains($0.key) }.map(\.key)
        }
        return all
    }

    /// CPU time of those that live, user and system.
    var cpuSeconds: Double { pids.reduce(0) { $0 + (ProcessMeter(pid: $1).cpuSeconds ?? 0) } }

    /// Bytes that are theirs alone.
    var privateBytes: Int { pids.reduce(0) { $0 + (ProcessMeter(pid: $1).privateBytes ?? 0) } }

    /// Waits until they have next to nothing to do, but not for ever.
    func settle(secondsMax: Double = 20) async throws { try await ProcessMeter.settle(secondsMax: secondsMax) { cpuSeconds } }

    /// The parent of each process of this machine.
    private static var parents: [Int32: Int32] {
        var result: [Int32: Int32] = [:]
        for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
            guard let pid = Int32(name), let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
                let end = text.lastIndex(of: ")")
            else { continue }
            // After the name in parentheses: state, and the parent.
            let fields = text[text.index(after: end)...].split(separator: " ", maxSplits: 2)
            if fields.count > 1, let parent = Int32(fields[1]) { result[pid] = parent }
        }
        return result
    }
}
