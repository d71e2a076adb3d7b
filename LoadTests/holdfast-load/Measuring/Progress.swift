import Foundation

/// The live line on standard error: rewritten in place on a terminal, a line now and then elsewhere. On the loop's thread.
final class Progress {
    /// What to show; nil: nothing.
    var text: ((Fleet) -> String)?
    private let isTerminal = isatty(STDERR_FILENO) == 1
    private var nextAt: UInt64 = 0
    private var isLineOpen = false

    /// Shows how far it is, if it is time for that.
    func show(_ fleet: Fleet, _ now: UInt64) {
        guard let text, now >= nextAt else { return }
        nextAt = now + (isTerminal ? 200 : 5_000)
        write(isTerminal ? "\r\u{1B}[K" + text(fleet) : text(fleet) + "\n")
        isLineOpen = isTerminal
    }

    /// Clears the line.
    func end() {
        if isLineOpen { write("\r\u{1B}[K") }
        isLineOpen = false
    }

    private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}
