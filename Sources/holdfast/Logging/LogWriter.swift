internal import Dispatch
internal import Foundation
internal import HoldfastIO
internal import Logging
internal import Synchronization

/// Lines of a log on their way to a descriptor. Adding one never waits: a thread of its own writes them, because a pipe that nobody empties, a
/// stopped terminal or a slow disk would keep an event loop, the core or a stop waiting. What doesn't fit is dropped, counted, and said.
final class LogWriter: Sendable {
    private struct State {
        /// Whole lines.
        var pending: [UInt8] = []
        var droppedCount: UInt64 = 0
        /// The thread has taken lines and not written all of them.
        var isWriting = false
        var isIdle: Bool { pending.isEmpty && !isWriting }
    }

    private let descriptor: Int32
    private let bytesMax: Int
    private let state = Mutex(State())
    private let added = DispatchSemaphore(value: 0)
    private let written = DispatchSemaphore(value: 0)

    /// - Parameters:
    ///   - descriptor: where to; it stays open for as long as the process lives.
    ///   - bytesMax: of lines that wait; beyond it they are dropped.
    init(descriptor: Int32, bytesMax: Int = 1 << 20) throws(IOError) {
        self.descriptor = descriptor
        self.bytesMax = bytesMax
        _ = try startThread(name: "log") { self.run() }
    }

    /// Adds a line, without its end.
    func write(_ line: String) {
        let bytes = Array(line.utf8)
        let isFirst = state.withLock { state in
            guard state.pending.count + bytes.count < bytesMax else {
                state.droppedCount += 1
                return false
            }
            let isFirst = state.pending.isEmpty
            state.pending += bytes
            state.pending.append(UInt8(ascii: "\n"))
            return isFirst
        }
        if isFirst { added.signal() }
    }

    /// Waits until all that was added is written, and not longer than told.
    /// - Returns: false when the time was over before.
    @discardableResult
    func flush(milliseconds: Int) -> Bool {
        let end = DispatchTime.now() + .milliseconds(milliseconds)
        while !state.withLock(\.isIdle) {
            if written.wait(timeout: end) == .timedOut { return state.withLock(\.isIdle) }
        }
        return true
    }

    private func run() {
        while true {
            added.wait()
            let (lines, droppedCount) = state.withLock { state in
                defer {
                    state.pending = []
                    state.droppedCount = 0
                    state.isWriting = true
                }
                return (state.pending, state.droppedCount)
            }
            // Nothing can be said of a descriptor that can't be written: this is where it would be said.
            try? writeAll(lines, to: descriptor)
            if droppedCount > 0 { try? writeAll(Array((Self.dropNotice(droppedCount) + "\n").utf8), to: descriptor) }
            state.withLock { $0.isWriting = false }
            written.signal()
        }
    }

    private static func dropNotice(_ count: UInt64) -> String {
        LogLine.text(
            .warning, "lines of the log were dropped: nobody took them from standard error in time", ["count": "\(count)"])
    }
}
