package import HoldfastWire

/// The oldest message that some inbox on disk holds: the next one that expires.
package struct OldestUndelivered: Equatable, Sendable {
    package var position: Position
    /// By the age clock, in seconds.
    package var age: UInt32

    /// The table of kept positions is in their order: its first row with a message is what is looked for. It changes with checkpoints only.
    /// - Returns: nil when no inbox on disk holds a message. Those that came since are younger than the last checkpoint.
    package static func read(_ storage: any Storage) throws(StorageError) -> OldestUndelivered? {
        var oldest: OldestUndelivered?
        try storage.read { (snapshot) throws(StorageError) in
            // Notices of losses, which have no age, may stand before it.
            for position in try snapshot.keptPositions(after: .zero, through: Position(rawValue: .max), limit: Self.looksMax) {
                _ = try snapshot.record(at: position) { bytes in
                    if case .message(let message)? = Record.decode(bytes) {
                        oldest = OldestUndelivered(position: position, age: message.age)
                    }
                }
                if oldest != nil { return }
            }
        }
        return oldest
    }

    private static let looksMax = 16
}
