internal import Foundation
internal import HoldfastCore
internal import Logging

/// What the log says of a process beside the gateway that keeps pages of its files from being used again: they grow with each message then, and
/// nobody would know why.
struct ReaderNotices {
    enum Notice: Equatable {
        case holds(PageHolder, seconds: UInt64)
        case letGo
    }

    private var holder: PageHolder?
    /// In monotonic milliseconds.
    private var since: UInt64 = 0
    private var saidAt: UInt64?
    private var saidBytes = 0
    /// Somebody was named, and it wasn't said yet that it is over.
    private var isNamed = false

    /// A backup is done in that time, or with fewer pages.
    private static let patienceMilliseconds: UInt64 = 10_000
    private static let bytesMin = 16 << 20
    /// It is said again when it holds twice as much, or after this time.
    private static let repeatMilliseconds: UInt64 = 600_000

    /// - Parameter holder: who holds the most pages now; nil: nobody.
    /// - Returns: what is to be logged now.
    mutating func update(_ holder: PageHolder?, now: UInt64) -> Notice? {
        guard let holder else {
            defer { self = ReaderNotices() }
            return isNamed ? .letGo : nil
        }
        // Another one; or the same, dead, whose number nobody has any more: that is let go of soon.
        if holder.processID != self.holder?.processID || self.holder == nil {
            since = now
            saidAt = nil
        }
        self.holder = holder
        guard now >= since + Self.patienceMilliseconds, holder.bytes >= Self.bytesMin else { return nil }
        if let saidAt, now < saidAt + Self.repeatMilliseconds, holder.bytes < 2 * saidBytes { return nil }
        saidAt = now
        saidBytes = holder.bytes
        isNamed = true
        return .holds(holder, seconds: (now - since) / 1000)
    }

    static func write(_ notice: Notice, to logger: Logger) {
        switch notice {
        case .letGo: logger.notice("no process keeps pages from being used again any more")
        case .holds(let holder, let seconds):
            let process = holder.processID.map(String.init) ?? "of another container"
            let command = holder.processID.flatMap { FileManager.default.contents(atPath: "/proc/\($0)/comm") }
            logger.warning(
                "a process reads the \(holder.environment) and keeps what is freed from being used again: the file grows",
                metadata: [
                    "process": "\(process)",
                    "command": "\(command.map { String(decoding: $0, as: UTF8.self).trimmingCharacters(in: .newlines) } ?? "unknown")",
                    "seconds": "\(seconds)", "bytes": "\(holder.bytes)",
                    "do": "let it go on if it stands still (kill -CONT), or end it; at storageBytesMax new messages are refused",
                ])
        }
    }
}
