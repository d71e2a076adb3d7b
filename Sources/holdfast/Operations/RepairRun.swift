internal import Foundation
internal import HoldfastCore
internal import HoldfastStorage
internal import HoldfastWire

/// One run of `holdfast repair`, with the directory's lock held.
struct RepairRun {
    let data: String
    let applies: Bool
    let output: OperationOutput

    /// - Returns: false when damage is left as it is.
    func run() throws -> Bool {
        if StagedFiles.isPending(in: data) { return try goOn() }
        try requireDirectory()
        let marker = data + "/failed-commit"
        let isMarked = FileManager.default.fileExists(atPath: marker)
        if try isIntact() { return try reportIntact(isMarked: isMarked) }
        let result: Result
        do {
            result = try makeCopy()
        } catch {
            // What was made is of no use, and the disk may be full.
            try? StagedFiles.removeUnfinished(in: data)
            throw error
        }
        output.endProgress()
        try show(result)
        guard applies else {
            try StagedFiles.removeUnfinished(in: data)
            return false
        }
        try StagedFiles.decide(in: data, reason: "damaged")
        let kept = try StagedFiles.complete(in: data)
        for name in kept { try output.line("the old one is kept as \(data)/\(name)") }
        try output.line(
            "repaired; era \(result.era). Clients log in with their tokens once, and hear of the new era and of what is missing.")
        try json(result, kept)
        return true
    }

    private struct Result {
        var findings: [Finding]
        var losses: [Loss]
        var era: UInt8
    }

    /// A directory of ours, whole or not.
    private func requireDirectory() throws {
        if try isWhole() { return }
        for part in ["journal", "store"] where FileManager.default.fileExists(atPath: "\(data)/\(part)") { return }
        throw CommandFailure(
            "--data \(data) is no data directory: it has neither journal nor store. Nothing was changed.", exitCode: CommandFailure.file)
    }

    private func isWhole() throws(StorageError) -> Bool {
        do throws(StorageError) {
            return try DirectoryLock.isMade(data)
        } catch {
            // Damage is why we are here.
            if error.code == .damaged { return false }
            throw error
        }
    }

    private func isIntact() throws -> Bool {
        do throws(StorageError) {
            return try ReadingProcess.verify(data) { output.progress("verifying \($0), \($1)") }.isIntact
        } catch {
            // What LMDB takes for another format may be a byte of its own that has changed. Anything else says nothing about the directory.
            if error.code == .newerFormat { return false }
            throw error
        }
    }

    private func goOn() throws -> Bool {
        guard applies else {
            try output.line(
                "a repair or a restore of \(data) was interrupted while it put its result in place; --apply brings it to its end")
            try output.json { $0.add("pending", true) }
            return false
        }
        let kept = try StagedFiles.complete(in: data)
        try output.line("an interrupted repair or restore was brought to its end")
        for name in kept { try output.line("the old one is kept as \(data)/\(name)") }
        try output.json { object in
            object.add("repaired", true)
            object.add("kept", texts: kept)
        }
        return true
    }

    private func reportIntact(isMarked: Bool) throws -> Bool {
        output.endProgress()
        try StagedFiles.removeUnfinished(in: data)
        if isMarked && applies { try StagedFiles.removeMarker(in: data) }
        try output.line(
            "intact: nothing to repair" + (isMarked ? "; the marker of a failed commit " + (applies ? "was removed" : "is there") : ""))
        try output.json { object in
            object.add("intact", true)
            object.add("repaired", false)
            object.add("findings", list: [])
            object.add("lost", list: [])
        }
        return true
    }

    /// Makes the repaired directory beside the damaged one, and verifies it.
    private func makeCopy() throws -> Result {
        let build = try DirectoryBuild(in: data, format: try format())
        let salvage = try salvage(into: build)
        let (plan, findings) = try RepairPlan.make(
            for: build.storage, unreadable: salvage.unreadable,
            nameSuffix: String(try Verification.fingerprint(of: build.storage), radix: 36)
        ) {
            output.progress("comparing \($0), \($1)")
        }
        let now = UInt64(max(0, Date().timeIntervalSince1970 * 1000))
        try plan.apply(to: build.storage, now: CoreTime(wall: now, monotonic: 0))
        let rest = try Verification.run(on: build.storage) { output.progress("verifying \($0), \($1)") }.findings
        guard rest.isEmpty else {
            for finding in rest.prefix(20) { StandardStreams.error(OperationOutput.line(finding)) }
            throw StorageError(
                .damaged,
                "The repaired copy of \(data) still has \(rest.count) findings; nothing was changed. Restore a backup, and keep the directory."
            )
        }
        return Result(
            findings: salvage.holes.map(finding) + findings, losses: plan.losses, era: build.storage.nextPosition.era)
    }

    /// That of the repaired directory: the version that wrote the damaged one can go on with it. A half migrated one is of the new format when it is repaired.
    private func format() throws -> StorageFormat {
        let named = try DirectoryLock.namedFormat(data)
        let (number, end) = try ReadingProcess.journalNumber(StorageFormat.key, in: data)
        let stored = number.flatMap(StorageFormat.init(rawValue:))
        if named == nil, end != .whole { return .current }
        return max(named ?? .one, stored ?? .one)
    }

    private func salvage(into build: DirectoryBuild) throws -> Salvage {
        let (data, output) = (data, output)
        var salvage = Salvage(ReadingProcess.reading(data)) { output.progress($0) }
        try salvage.run(into: build)
        return salvage
    }

    private func finding(_ hole: Salvage.Hole) -> Finding {
        let file = hole.table.prefix { $0 != "/" } + "/data.mdb"
        let from = hole.after.map { "behind \(Self.key($0, hole.table))" } ?? "from its beginning"
        let to = hole.before.map { "up to before \(Self.key($0, hole.table))" } ?? "to its end"
        return Finding(
            .unreadable, table: hole.table, problem: "\(file) can't be read \(from) \(to)", effect: "what follows says what that means")
    }

    /// Positions as numbers; what else keys are, as their first bytes.
    private static func key(_ prefix: UInt64, _ table: String) -> String {
        table == TableReader.records ? "position \(prefix)" : "key \(String(prefix, radix: 16))"
    }

    private func show(_ result: Result) throws {
        for finding in result.findings { try output.line(OperationOutput.line(finding)) }
        try output.line("")
        for loss in result.losses { try output.line(OperationOutput.line(loss)) }
        if result.losses.isEmpty { try output.line("no message is lost") }
        if !applies {
            try output.line("nothing was changed; --apply does this, keeps the damaged files, and begins a new era")
            try json(result, [])
        }
    }

    private func json(_ result: Result, _ kept: [String]) throws {
        try output.json { object in
            object.add("intact", false)
            object.add("repaired", applies)
            object.add("era", result.era)
            object.add("findings", list: result.findings.map(OperationOutput.json))
            object.add("lost", list: result.losses.map(OperationOutput.json))
            object.add("kept", texts: kept)
        }
    }
}
