import Foundation
import Glibc
import HoldfastTestSupport

/// A start with `--migrate` that is ended at each of its changes to the disk, by a kill and by a power cut. Afterwards what is there is intact, and the
/// next start has every entry once.
struct MigrationCuts {
    /// How much was tried.
    struct Result: Encodable, Equatable {
        var kills = 0
        var cuts = 0
        /// Writes, syncs and changes of names of a whole start.
        var changes: UInt64 = 0
    }

    /// What the commands say of a directory.
    private struct Findings: Equatable {
        var verified: String
        var sessions: String
    }

    let program: String
    let recorder: Recorder
    /// A directory of format 1.
    let fixture: String
    /// Where the copies go.
    let directory: String
    let seed: UInt64

    /// - Parameter every: leaves out the changes in between.
    func run(every: Int = 1) throws -> Result {
        // A small reserve: a disk is rebuilt from what was recorded, byte by byte. No hashes of users: commands would show them from then on.
        try Data("reserveBytes: 1048576\nlogUsers: name\n".utf8).write(to: URL(fileURLWithPath: configuration))
        let expected = try findings(try copy("expected").root)
        var result = Result()
        for change in stride(from: UInt64(1), to: .max, by: every) {
            for isPowerCut in [false, true] {
                let disk = try copy("\(change)-\(isPowerCut ? "cut" : "kill")")
                defer { remove(disk) }
                guard try isKilled(disk, at: change) else {
                    result.changes = change - 1
                    return result
                }
                if isPowerCut {
                    var random = SeededRandom(seed: seed, sequence: Int(change))
                    _ = try disk.cut(isExact: true, using: &random)
                    result.cuts += 1
                } else {
                    result.kills += 1
                }
                try check(disk.root, expected, "\(isPowerCut ? "a power cut" : "a kill") at change \(change)")
            }
        }
        return result
    }

    private var configuration: String { directory + "/migration.yaml" }

    private func copy(_ name: String) throws -> RecordedDisk {
        let root = "\(directory)/\(name)"
        try FileManager.default.copyItem(atPath: fixture, toPath: root)
        return try RecordedDisk(root: root, recorder: recorder)
    }

    private func remove(_ disk: RecordedDisk) {
        for suffix in ["", ".log-of-changes", ".log-of-changes.before", ".arm", ".log"] {
            try? FileManager.default.removeItem(atPath: disk.root + suffix)
        }
    }

    private func serve(_ root: String, migrates: Bool, environment: [String: String] = [:]) throws -> ChildProcess {
        try ChildProcess(
            program,
            ["serve", "--data", root, "--config", configuration, "--listen", "127.0.0.1:0", "--tls-listen", "", "--control-listen", ""]
                + (migrates ? ["--migrate"] : []),
            errors: .file(root + ".log"), environment: environment)
    }

    /// False: it was ready before, and is gone.
    private func isKilled(_ disk: RecordedDisk, at change: UInt64) throws -> Bool {
        try disk.killAfter(change)
        let gateway = try serve(disk.root, migrates: true, environment: disk.environment)
        if (try? gateway.readLine()) != nil {
            gateway.end(SIGKILL)
            return false
        }
        gateway.end(0)
        guard gateway.exitStatus == -SIGKILL else {
            throw Violation("the start before change \(change) ended with \(gateway.exitStatus ?? 0): \(log(disk.root))")
        }
        return true
    }

    private func check(_ root: String, _ expected: Findings, _ cause: String) throws {
        // Where a start has written nothing yet the records behind the checkpoint are as they were, too.
        let found = try findings(root)
        guard found == expected else { throw Violation("after \(cause): \(found) instead of \(expected)") }
        let gateway = try serve(root, migrates: format(root) == 1)
        let isReady = (try? gateway.readLine()) != nil
        gateway.end(SIGTERM)
        guard isReady, gateway.exitStatus == 0 else {
            throw Violation("the start after \(cause) ended with \(gateway.exitStatus ?? 0): \(log(root))")
        }
        let sessions = try findings(root).sessions
        guard format(root) == 2, sessions == expected.sessions else {
            throw Violation("after \(cause) and the next start: format \(format(root)), \(sessions) instead of \(expected.sessions)")
        }
    }

    private func format(_ root: String) -> Int {
        let text = try? String(contentsOfFile: root + "/format", encoding: .utf8)
        return text?.firstMatch(of: /^holdfast-data (\d+)\n$/).flatMap { Int($0.1) } ?? 0
    }

    private func findings(_ root: String) throws -> Findings {
        func output(_ arguments: [String]) throws -> String {
            let command = try ChildProcess(program, arguments + ["--data", root], errors: .pipe)
            let (text, status) = command.finish()
            guard status == 0 else { throw Violation("holdfast \(arguments[0]) ended with \(status ?? -1): \(text)") }
            return text
        }
        return Findings(verified: try output(["verify"]), sessions: try output(["inspect", "sessions"]))
    }

    private func log(_ root: String) -> String { String(((try? String(contentsOfFile: root + ".log", encoding: .utf8)) ?? "").suffix(500)) }
}
