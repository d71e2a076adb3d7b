import Foundation
import HoldfastCore

/// A file that gets a line for each run: what was found, and of which commit.
enum ResultsFile {
    /// Appends one JSON line.
    static func append(_ value: some Encodable, to path: String) throws {
        let line = try Output.json(value) + "\n"
        if !FileManager.default.fileExists(atPath: path) { _ = FileManager.default.createFile(atPath: path, contents: nil) }
        guard let file = FileHandle(forWritingAtPath: path) else { throw LoadError("--results: \(path) can't be written") }
        defer { try? file.close() }
        try file.seekToEnd()
        try file.write(contentsOf: Data(line.utf8))
    }

    /// What a report says of a gateway that was built with this program: its commit, or its version where that isn't known.
    static var version: String { commit == "unknown" ? Release.version : commit }

    /// The commit of the working copy that this program was built in; `unknown` elsewhere.
    static var commit: String {
        guard let git = ["/usr/bin/git", "/usr/local/bin/git"].first(where: { FileManager.default.isExecutableFile(atPath: $0) }),
            let child = try? ChildProcess(git, ["-C", Workshop.ownDirectory, "rev-parse", "HEAD"]), let line = try? child.readLine(),
            line.count == 40
        else { return "unknown" }
        return line
    }
}
