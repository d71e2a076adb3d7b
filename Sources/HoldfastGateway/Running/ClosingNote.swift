internal import Logging

/// A line of the log about a connection's end, on its way to the name of its user: the loops don't know it.
struct ClosingNote: Sendable {
    let message: String
    let metadata: [String: String]
    /// The user's number.
    let user: UInt64
    let names: LogNames

    /// Writes the line.
    /// - Parameter name: the user's; nil when there is none.
    func write(_ name: [UInt8]?, to logger: Logger) {
        var metadata = metadata
        metadata["user"] = name.flatMap { names.user($0) }
        logger.debug("\(message)", metadata: metadata.mapValues { "\($0)" })
    }
}
