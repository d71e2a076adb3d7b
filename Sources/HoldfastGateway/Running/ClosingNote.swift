internal import Logging
internal import Synchronization

/// A line of the log about a connection's end, on its way to the name of its user: the loops don't know it.
struct ClosingNote: Sendable {
    let message: String
    let metadata: [String: String]
    /// The user's number.
    let user: UInt64
    let names: LogNames
    let waiting: ClosingNotes

    /// Writes the line, which waits no longer. Once.
    /// - Parameter name: the user's; nil when there is none.
    func write(_ name: [UInt8]?, to logger: Logger) {
        waiting.remove()
        var metadata = metadata
        metadata["user"] = name.flatMap { names.user($0) }
        logger.debug("\(message)", metadata: metadata.mapValues { "\($0)" })
    }
}

/// How many lines wait for a name. Clients that come and go faster than names are read must not make the log take memory, nor the core's time.
final class ClosingNotes: Sendable {
    private let count = Atomic<Int>(0)
    private static let countMax = 1_000

    /// Whether one more may wait. If not, its line goes without the user.
    func add() -> Bool {
        guard count.add(1, ordering: .relaxed).newValue <= Self.countMax else {
            remove()
            return false
        }
        return true
    }

    /// One waits no longer.
    func remove() { count.subtract(1, ordering: .relaxed) }
}
