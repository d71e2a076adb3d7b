import Foundation

/// What a process of this machine has used, as the system tells.
struct ProcessMeter: Sendable {
    let pid: Int32

    /// This process.
    static let own = ProcessMeter(pid: getpid())

    /// CPU time in user and system mode, all threads; nil if there is no such process.
    var cpuSeconds: Double? {
        guard let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8), let end = text.lastIndex(of: ")") else {
            return nil
        }
        // After the name in parentheses: state is field 3, utime 14, stime 15.
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else { return nil }
        return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    /// Whether it runs: one that has ended and that nobody has asked for its status doesn't.
    var isAlive: Bool {
        guard let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8), let end = text.lastIndex(of: ")") else {
            return false
        }
        return text[text.index(after: end)...].split(separator: " ").first.map { $0 != "Z" && $0 != "X" } ?? false
    }

    /// CPU time of everything on this machine, since its start: neither idle nor waiting for the disk.
    static var machineSeconds: Double {
        guard let text = try? String(contentsOfFile: "/proc/stat", encoding: .utf8), let line = text.split(separator: "\n").first else {
            return 0
        }
        // After the word: user, nice, system, idle, iowait, irq, softirq, ...; guest times are in user and nice already.
        let fields = line.split(separator: " ").dropFirst().prefix(7).compactMap { Double($0) }
        guard fields.count == 7 else { return 0 }
        return (fields[0] + fields[1] + fields[2] + fields[5] + fields[6]) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    /// Bytes that are this process's alone. Not `Private_Dirty`: that has also the pages of files that it has read through a map and the system
    /// hasn't written back yet, which are the system's cache.
    var privateBytes: Int? {
        guard let text = try? String(contentsOfFile: "/proc/\(pid)/smaps_rollup", encoding: .utf8) else { return nil }
        for line in text.split(separator: "\n") where line.hasPrefix("Pss_Anon:") {
            return line.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 * 1024 }
        }
        return nil
    }

    /// Descriptors that it has open; nil if there is no such process.
    var descriptors: Int? { try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").count }

    /// Waits until the process has next to nothing to do, but not for ever.
    func settle() async throws { try await Self.settle(secondsMax: 15) { cpuSeconds ?? 0 } }

    /// The same for whatever takes `cpuSeconds`: until it is twice in a row at most 4 % of a core.
    static func settle(secondsMax: Double, _ cpuSeconds: () -> Double) async throws {
        var quiet = 0
        for _ in 0..<Int(secondsMax * 2) where quiet < 2 {
            let before = cpuSeconds()
            try await Task.sleep(for: .milliseconds(500))
            quiet = cpuSeconds() - before <= 0.02 ? quiet + 1 : 0
        }
    }
}
