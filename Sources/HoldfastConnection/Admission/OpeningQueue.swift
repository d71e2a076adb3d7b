package import HoldfastCore

/// Connections whose openings wait for their turn: the more is promised to one, or waits for it, the earlier it goes; equals in the order
/// in which they came.
package struct OpeningQueue: Sendable {
    /// Who goes first.
    package enum Rank: Int, CaseIterable, Sendable {
        /// Was told to come back now.
        case slot
        /// Messages wait for it.
        case undelivered
        case resume
        /// Costs the check of a token, and nobody's session waits for it.
        case login
    }

    private var lines = ContiguousArray(repeating: Line<ConnectionHandle>(), count: Rank.allCases.count)
    private var turns = 0
    /// Of so many turns one is the last rank's, so that it isn't forgotten while others keep coming.
    private static let turnsForLast = 8

    package init() {}

    package mutating func append(_ connection: ConnectionHandle, _ rank: Rank) { lines[rank.rawValue].append(connection) }

    /// Takes out who goes next; nil when nobody is left.
    package mutating func pop() -> ConnectionHandle? {
        turns += 1
        if turns % Self.turnsForLast == 0, let last = lines[Rank.login.rawValue].popFirst() { return last }
        for index in lines.indices {
            if let connection = lines[index].popFirst() { return connection }
        }
        return nil
    }
}
