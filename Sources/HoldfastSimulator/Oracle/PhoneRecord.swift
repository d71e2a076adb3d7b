import HoldfastCore
import HoldfastWire

/// What the oracle knows of one phone.
struct PhoneRecord {
    /// Texts that its user has seen, and at which position last.
    var shown: [Int: Position] = [:]
    /// The same, as far as the phone can know it: it may have been put back.
    var remembered: [Int: Position] = [:]
    /// The end of what was shown in order.
    var end = Position.zero
    /// Whose order has to be kept: what waits for one recipient's room doesn't hold up what goes to another.
    struct Line: Hashable {
        /// nil: the backend.
        var sender: Int?
        var to: String
    }

    /// The last text of each line that was shown.
    var lastOf: [Line: Int] = [:]
    /// Stretches of the stream that the phone was told it won't get.
    var gaps: [(after: Position, through: Position, count: UInt32, reason: GapReason)] = []
    /// Since when every message for its user has to reach it; nil: it has no session.
    var sessionSince: UInt64?
    /// What was done to it that excuses a loss of its session or of what its outbox held, and when last.
    var excusedAt: UInt64?
    /// When it was last told that a state went back.
    var toldAt: UInt64?
    var wasRestored = false
    /// Its state file was damaged on purpose, and it hasn't begun anew since.
    var mayBeDamaged = false
}
