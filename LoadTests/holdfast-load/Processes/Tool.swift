import Foundation

/// A program of the system that a run uses.
enum Tool {
    /// Where it is; nil if it isn't installed.
    static func find(_ name: String) -> String? {
        ["/usr/sbin/", "/sbin/", "/usr/bin/", "/bin/"].map { $0 + name }.first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// Where it is, by PATH; nil if it isn't there.
    static func findInPath(_ name: String) -> String? {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        return folders.map { "\($0)/\(name)" }.first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// Runs it to its end.
    /// - Returns: what it wrote. Throws what it said if it failed.
    @discardableResult
    static func run(_ name: String, _ arguments: [String]) throws -> String {
        guard let path = find(name) else { throw LoadError("\(name) isn't installed") }
        let (text, status) = try ChildProcess(path, arguments, output: .pipe, errors: .pipe).finish()
        guard status == 0 else {
            throw LoadError("\(([name] + arguments).joined(separator: " ")): \(text.trimmingCharacters(in: .whitespacesAndNewlines))")
        }
        return text
    }
}
