import HoldfastWire

struct StreamSlot: TableSlot { let rawValue: UInt32 }

/// What is on its way to a session. One that has acknowledged everything, and has the window that the gateway gives, needs no row: it was sent what
/// its cursor says.
struct StreamRow {
    /// The last position that this connection was told about.
    var sent: Position
    /// Sent and not acknowledged.
    var unacknowledged = EntryList()
    var unacknowledgedCount: UInt32 = 0
    var unacknowledgedBytes: UInt32 = 0
    var window: Window

    /// How much may be unacknowledged.
    struct Window: Equatable {
        var messages: UInt32
        var bytes: UInt32
    }

    init(sent: Position, _ window: Window) {
        self.sent = sent
        self.window = window
    }

    /// Whether a body of so many bytes fits into the window; a single one always does.
    func hasCredit(for bytes: UInt32) -> Bool {
        unacknowledgedCount == 0 || (unacknowledgedCount < window.messages && unacknowledgedBytes &+ bytes <= window.bytes)
    }
}
