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

// Deliveries: what was sent to a session and waits for its acknowledgement.
extension Users {
    func stream(of session: SessionSlot) -> StreamRow {
        let slot = sessions[session].stream
        return slot == .none ? StreamRow(sent: sessions[session].cursor.position, window) : streams[slot]
    }

    /// The session's row, which is made if there is none.
    private mutating func openStream(of session: SessionSlot) -> StreamSlot {
        if sessions[session].stream == .none { sessions[session].stream = streams.insert(stream(of: session)) }
        return sessions[session].stream
    }

    /// Frees the row if it says nothing that the session's doesn't.
    mutating func closeSettledStream(of session: SessionSlot) {
        let slot = sessions[session].stream
        guard slot != .none, streams[slot].unacknowledged.isEmpty, streams[slot].window == window else { return }
        #if !PLANTED_BUGS
            precondition(
                streams[slot].sent == sessions[session].cursor.position, "who has acknowledged everything was sent what the cursor says")
        #endif
        freeStream(of: session)
    }

    private mutating func freeStream(of session: SessionSlot) {
        streams.remove(sessions[session].stream, leaving: StreamRow(sent: .zero, window))
        sessions[session].stream = .none
    }

    mutating func setWindow(_ window: StreamRow.Window, of session: SessionSlot) {
        let slot = openStream(of: session)
        streams[slot].window = window
        closeSettledStream(of: session)
    }

    /// The first one that isn't acknowledged.
    func firstDelivery(of session: SessionSlot) -> EntryNode? {
        let slot = sessions[session].stream
        return slot == .none ? nil : deliveries.first(of: streams[slot].unacknowledged)
    }

    func lastDelivery(of session: SessionSlot) -> EntryNode? {
        let slot = sessions[session].stream
        return slot == .none ? nil : deliveries.last(of: streams[slot].unacknowledged)
    }

    /// - Returns: the position before it in the stream.
    @discardableResult
    mutating func appendDelivery(_ entry: InboxEntry, size: UInt32, kind: EntryNode.Kind, to session: SessionSlot) -> Position {
        let slot = openStream(of: session)
        let before = streams[slot].sent
        precondition(entry.position > before, "a stream rises")
        deliveries.append(TimelineEntry(entry), size: size, kind: kind, to: &streams[slot].unacknowledged)
        streams[slot].sent = entry.position
        if kind == .message {
            streams[slot].unacknowledgedCount += 1
            streams[slot].unacknowledgedBytes &+= size
        }
        return before
    }

    /// The last delivery, which is a step over own sends, goes further.
    mutating func replaceLastDelivery(of session: SessionSlot, by entry: InboxEntry) {
        let slot = openStream(of: session)
        deliveries.replaceLast(of: streams[slot].unacknowledged, by: entry)
        streams[slot].sent = entry.position
    }

    /// The cursor has moved to what was sent, without a delivery that would have to be acknowledged.
    mutating func setSent(_ position: Position, of session: SessionSlot) {
        let slot = sessions[session].stream
        if slot != .none { streams[slot].sent = position }
    }

    mutating func removeFirstDelivery(of session: SessionSlot) {
        let slot = sessions[session].stream
        guard slot != .none, let first = deliveries.removeFirst(of: &streams[slot].unacknowledged), first.kind == .message else { return }
        precondition(streams[slot].unacknowledgedCount > 0, "what is unacknowledged is counted")
        streams[slot].unacknowledgedCount -= 1
        streams[slot].unacknowledgedBytes &-= first.size
    }

    /// The session's connection is gone.
    mutating func removeStream(of session: SessionSlot) {
        let slot = sessions[session].stream
        guard slot != .none else { return }
        deliveries.removeAll(of: &streams[slot].unacknowledged)
        freeStream(of: session)
    }

    /// What must hold of a session's stream and doesn't; nil: all does.
    func streamViolation(_ session: SessionRow, _ deliveryCount: inout Int, _ streamCount: inout Int) -> String? {
        guard session.stream != .none else { return nil }
        streamCount += 1
        let row = streams[session.stream]
        var (last, messages, bytes) = (session.cursor.position, UInt32(0), UInt32(0))
        var slot = row.unacknowledged.head
        while slot != .none {
            deliveryCount += 1
            let node = deliveries[slot]
            if node.entry.position <= last { return "what was sent doesn't rise from the cursor on" }
            if node.kind == .message { (messages, bytes) = (messages + 1, bytes &+ node.size) }
            last = node.entry.position
            slot = deliveries.next(after: slot)
        }
        if messages != row.unacknowledgedCount || bytes != row.unacknowledgedBytes { return "unacknowledged messages aren't counted right" }
        if session.connection == .none { return "a stream without a connection" }
        return last == row.sent ? nil : "sent up to \(row.sent.rawValue), and \(last.rawValue) is the last that waits"
    }
}
