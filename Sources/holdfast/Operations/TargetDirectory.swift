internal import Foundation
internal import HoldfastCore
internal import HoldfastStorage
internal import HoldfastWire

/// A directory that a backup or a restore fills: whole at the end, or recognizably unfinished.
final class TargetDirectory {
    let path: String
    private let lock: DirectoryLock
    /// The keys that were copied.
    private(set) var keys: [String] = []

    /// Takes the directory, which is made when it is missing.
    /// - Parameter replaces: it may hold a data directory.
    init(_ path: String, option: String, replaces: Bool = false) throws {
        self.path = path
        guard replaces || Self.isEmpty(path) else {
            throw CommandFailure(
                "\(option) \(path) isn't empty. Name a directory that is missing or empty; nothing was changed.",
                exitCode: CommandFailure.usage)
        }
        try DirectoryLock.makeDirectory(path)
        lock = try DirectoryLock(path)
        // Nobody else could have come between: a gateway takes the lock first.
        guard replaces || Self.isEmpty(path) else {
            throw CommandFailure("\(option) \(path) isn't empty any more: something else writes there.", exitCode: CommandFailure.usage)
        }
    }

    /// Missing, empty, or with nothing but what a command left that was interrupted.
    static func isEmpty(_ path: String) -> Bool {
        var isDirectory: ObjCBool = false
        guard unsafe FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else { return true }
        guard isDirectory.boolValue, let names = try? FileManager.default.contentsOfDirectory(atPath: path) else { return false }
        return Set(names).isSubset(of: ["lock", "unfinished", "lost+found"])
    }

    /// Copies journal, store and keys, and lets `change` see the copy before it is closed.
    /// - Returns: the first position that it hasn't given out.
    func copy(from source: String, _ output: OperationOutput, _ change: (LMDBStorage) throws -> Void) throws -> Position {
        do {
            return try build(from: source, output, change)
        } catch {
            // What was made is of no use, and the disk may be full.
            try? StagedFiles.removeUnfinished(in: path)
            throw error
        }
    }

    private func build(from source: String, _ output: OperationOutput, _ change: (LMDBStorage) throws -> Void) throws -> Position {
        let storage = try LMDBStorage.openReadOnly(directory: source)
        let build = try DirectoryBuild(in: path, format: storage.format)
        try storage.copy(into: build) { output.progress("copying \($0), \($1)") }
        try change(build.storage)
        keys = try StagedFiles.copyKeys(from: source, into: path)
        return build.storage.nextPosition
    }

    /// Reads the whole copy again.
    func verify(_ output: OperationOutput) throws {
        let report = try ReadingProcess.verify(path + "/unfinished") { output.progress("verifying \($0), \($1)") }
        output.endProgress()
        guard report.isIntact else {
            for finding in report.findings.prefix(20) { StandardStreams.error(OperationOutput.line(finding)) }
            throw StorageError(
                .damaged,
                "The copy in \(path) has \(report.findings.count) findings, and so has what it was made from; it was not finished. "
                    + "Run holdfast verify on the source, and repair that first.")
        }
    }

    /// Puts the copy in its place.
    /// - Returns: what was replaced is called so now.
    @discardableResult
    func finish(reason: String) throws(StorageError) -> [String] {
        try StagedFiles.decide(in: path, reason: reason)
        return try StagedFiles.complete(in: path)
    }
}
