import Foundation
import Synchronization

/// A live line on standard error: rewritten in place on a terminal, a line now and then elsewhere.
final class ProgressLine: Sendable {
    private let isTerminal = isatty(STDERR_FILENO) == 1
    private let nextAt = Mutex(ContinuousClock.now)

    /// Shows how far it is, if it is time for that.
    func show(_ text: @autoclosure () -> String) {
        let isDue = nextAt.withLock { nextAt in
            guard ContinuousClock.now >= nextAt else { return false }
            nextAt = ContinuousClock.now + (isTerminal ? .milliseconds(200) : .seconds(10))
            return true
        }
        if isDue { write(isTerminal ? "\r\u{1B}[K" + text() : text() + "\n") }
    }

    /// Clears the line.
    func end() { if isTerminal { write("\r\u{1B}[K") } }

    private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}
