package import HoldfastWire

/// Something in a data directory that isn't as it has to be: where, what it means for whom, and what to do.
package struct Finding: Codable, Equatable, Sendable {
    package enum Kind: String, Codable, Sendable {
        /// A file or a page of it can't be read.
        case unreadable
        /// A record doesn't pass its checksum or its format.
        case recordDamaged
        /// The journal doesn't have a record that is needed.
        case recordMissing
        /// A record isn't what an inbox takes it for.
        case recordWrong
        /// A row doesn't decode.
        case rowDamaged
        /// A row that another one names isn't there.
        case rowMissing
        /// Two rows contradict each other.
        case rowWrong
        /// The entries of an inbox don't follow each other, or contradict their owner's row.
        case inboxWrong
        /// A counter doesn't count what is there.
        case countWrong
        /// The store has applied what the journal doesn't have.
        case storeAhead
    }

    package var kind: Kind
    /// The table of the store; "journal" for a record.
    package var table: String
    package var position: UInt64?
    /// The row's key, in words.
    package var row: String?
    /// Whom it concerns: names, or "user N" where the name isn't known.
    package var users: [String]
    package var problem: String
    /// What it means for them.
    package var effect: String
    package var advice: String

    package init(
        _ kind: Kind, table: String, position: Position? = nil, row: String? = nil, users: [String] = [], problem: String, effect: String,
        advice: String = Finding.repair
    ) {
        self.kind = kind
        self.table = table
        self.position = position?.rawValue
        self.row = row
        self.users = users
        self.problem = problem
        self.effect = effect
        self.advice = advice
    }

    package static let repair = "Stop the gateway and run holdfast repair --dry-run, or restore a backup."
}

/// What a repair leaves out, and who hears of it.
package struct Loss: Codable, Equatable, Sendable {
    package enum Kind: String, Codable, Sendable {
        /// A message; those in `to` get a GAP in its place.
        case message
        /// A record that may have been a message to anybody: every inbox gets a GAP.
        case unknownRecord
        /// Messages of which only the number is known; those in `to` get a GAP at the end of what is queued.
        case messages
        /// A user's sessions, with their cursors and last sequences: each device begins a new session.
        case sessions
        /// A device's session isn't found any more: the device begins a new one.
        case device
        /// A user's name: the inbox is kept under another one.
        case name
        /// A conversation's number isn't known any more.
        case conversation
        /// A row of the audit log.
        case audit
        /// The key of an account's request: a repeat of it isn't recognised.
        case requestKey
    }

    package var kind: Kind
    package var position: UInt64?
    package var from: String?
    package var to: [String]
    /// When it was sent, in milliseconds since 1970, if the record still says so.
    package var time: UInt64?
    package var count: Int
    /// In words.
    package var text: String
}
