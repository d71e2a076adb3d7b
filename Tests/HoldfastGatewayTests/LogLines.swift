import Foundation
import Logging

/// What was logged, as `message key=value …`, of all levels.
final class LogLines: @unchecked Sendable {
    private let condition = NSCondition()
    private var lines: [String] = []

    var all: [String] { condition.withLock { lines } }

    var logger: Logger { Logger(label: "") { _ in Handler(lines: self) } }

    /// The first line that passes, as soon as there is one.
    func wait(for isWanted: (String) -> Bool) -> String {
        condition.withLock {
            while true {
                if let line = lines.first(where: isWanted) { return line }
                condition.wait()
            }
        }
    }

    /// Returns once so many lines pass.
    func wait(count: Int, for isWanted: (String) -> Bool) {
        condition.withLock {
            while lines.count(where: isWanted) < count { condition.wait() }
        }
    }

    private func add(_ line: String) {
        condition.withLock {
            lines.append(line)
            condition.broadcast()
        }
    }

    private struct Handler: LogHandler {
        var logLevel = Logger.Level.trace
        var metadata: Logger.Metadata = [:]
        let lines: LogLines

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let particulars = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }
            lines.add("\(event.message)" + particulars.joined())
        }
    }
}
