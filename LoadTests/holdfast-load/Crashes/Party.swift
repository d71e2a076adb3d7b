import Foundation
import Glibc

/// A program of a run that is killed and started again: the gateway, a sender or a receiver. Its files are in a directory of its own.
final class Party {
    let name: String
    /// Where its files are.
    let root: String
    /// Set when its files are to be recorded for power cuts.
    let disk: RecordedDisk?
    private(set) var child: ChildProcess?
    private let program: String
    private let input: String?
    private let log: String
    private var logBytesSeen = 0

    /// Lines of the programs that a kill explains. Everything else that they say on standard error is a violation.
    private static let explained = [
        "holdfast: The gateway can't be reached", "holdfast: The gateway closed the connection.", "holdfast: The connection broke",
        "holdfast: Cut a torn last line",
    ]

    init(_ name: String, program: String, in directory: String, input: String? = nil, recorder: Recorder?) throws {
        self.name = name
        self.program = program
        self.input = input
        root = "\(directory)/\(name)"
        log = "\(directory)/\(name).log"
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        disk = try recorder.map { try RecordedDisk(root: directory + "/" + name, recorder: $0) }
    }

    /// Starts it.
    func start(_ arguments: [String]) throws {
        child = try ChildProcess(
            program, arguments, input: input, output: input == nil ? .pipe : .nowhere, errors: .file(log),
            environment: disk?.environment ?? [:])
    }

    var isRunning: Bool { child.map { $0.exitStatus == nil } ?? false }

    /// Ends it now, if it runs.
    func kill() { child?.end(SIGKILL) }

    /// How it has ended; nil: it runs, or wasn't started.
    var exitStatus: Int32? { child?.exitStatus }

    /// What it has said since the last time that no kill explains.
    func unexplainedLines() -> [String] {
        guard let data = FileManager.default.contents(atPath: log), data.count > logBytesSeen else { return [] }
        let end = data.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? logBytesSeen
        guard end > logBytesSeen else { return [] }
        let text = String(decoding: data[logBytesSeen..<end], as: UTF8.self)
        logBytesSeen = end
        return text.split(separator: "\n").map(String.init).filter { line in
            // The gateway's own log, a time and a level in front: what is below an error is news.
            let words = line.split(separator: " ", maxSplits: 2)
            if words.count == 3, words[0].hasSuffix("Z"), ["info", "notice", "warning"].contains(words[1]) { return false }
            return !Self.explained.contains { line.hasPrefix($0) }
        }
    }

    /// The end of what it has said, for a message.
    var lastWords: String {
        let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
        let lines = text.split(separator: "\n")
        // What follows a refusal of the recorder is only the backtrace.
        if let refusal = lines.last(where: { $0.hasPrefix("powercut recorder") }) { return String(refusal) }
        return lines.suffix(3).joined(separator: " / ")
    }
}

/// Something that must not happen, found in a run.
struct Violation: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
