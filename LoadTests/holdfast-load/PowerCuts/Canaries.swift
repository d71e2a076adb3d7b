import Foundation
import HoldfastTestSupport

/// Small programs that make data durable, or forget one part of it: is a power cut's loss found, and is nothing else?
struct Canaries {
    /// What was found of one kind.
    struct Result: Encodable, Equatable {
        var kind: String
        /// It forgets something, and has to be found out.
        var forgets: Bool
        var cuts: Int
        var losses: Int
        /// The first loss, in words.
        var loss: String?

        var isRight: Bool { forgets ? losses > 0 : losses == 0 }
    }

    static let kinds: [(kind: String, forgets: Bool)] = [
        ("file", false), ("file-unsynced", true), ("file-unlisted", true), ("append", false), ("append-unsynced", true), ("lmdb", false),
        ("lmdb-unsynced", true), ("lmdb-untested", true),
    ]

    let recorder: Recorder
    let directory: String
    let seed: UInt64

    /// Tests one kind, with a power cut on a new directory each time.
    func test(_ kind: String, forgets: Bool, cuts: Int) throws -> Result {
        var result = Result(kind: kind, forgets: forgets, cuts: cuts, losses: 0)
        for cut in 0..<cuts {
            var random = SeededRandom(seed: seed, sequence: cut)
            if let loss = try loss(kind, "\(directory)/\(kind)-\(cut)", &random) {
                result.losses += 1
                if result.loss == nil { result.loss = "cut \(cut): \(loss)" }
            }
        }
        return result
    }

    /// What was acknowledged and is missing after a cut; nil: nothing.
    private func loss(_ kind: String, _ root: String, _ random: inout SeededRandom) throws -> String? {
        let disk = try RecordedDisk(root: root, recorder: recorder)
        // What takes up the work of an earlier run is killed once before the cut, and soon after its second start.
        var acknowledged = 0
        let isResumed = kind == "lmdb-untested" || (kind == "lmdb" && random.once(in: 2))
        if isResumed { acknowledged = try run(kind, disk, killAfter: UInt64.random(in: 1...30, using: &random)) }
        let moment = UInt64.random(in: 1...(isResumed ? 2 : 80), using: &random)
        acknowledged = try max(acknowledged, run(kind, disk, killAfter: moment))
        _ = try disk.cut(isExact: true, using: &random)
        let checker = try ChildProcess(recorder.canary, ["check", kind, root, String(acknowledged)], output: .nowhere, errors: .pipe)
        var text = ""
        while let line = try? checker.readLine() { text += line }
        checker.end(0)
        guard let status = checker.exitStatus, status != 0 else { return nil }
        return text.isEmpty ? "the check ended with \(status)" : text
    }

    /// Lets a canary write until it is killed.
    /// - Returns: the last number that it took for durable.
    private func run(_ kind: String, _ disk: RecordedDisk, killAfter count: UInt64) throws -> Int {
        try disk.killAfter(count)
        let writer = try ChildProcess(recorder.canary, ["write", kind, disk.root], environment: disk.environment)
        var acknowledged = 0
        while let line = try? writer.readLine() {
            guard let number = Int(line) else { throw LoadError("the canary said '\(line)'") }
            acknowledged = number
        }
        writer.end(0)
        guard writer.exitStatus == -SIGKILL else { throw LoadError("the canary \(kind) ended with \(writer.exitStatus ?? 0)") }
        return acknowledged
    }
}
