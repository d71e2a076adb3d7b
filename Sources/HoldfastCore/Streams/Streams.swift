import HoldfastWire

/// Streams: a part of the core that owns what is on its way to sessions, which is steps that wait for an acknowledgement, and the order of those
/// that want a page. A session's row names its stream; what is sent when is decided in `Core+Stream`.
struct Streams: ~Copyable {
    var rows = SlotTable<StreamRow, StreamSlot>()
    private var steps = EntryPool()
    /// What a session may have unacknowledged, until its client asks for less.
    let window: StreamRow.Window
    /// Sessions that want a page, oldest first.
    private var queue = Line<SessionSlot>()
    private(set) var pagesInFlight = 0
    private let pagesInFlightMax: Int

    init(window: StreamRow.Window, pagesInFlightMax: Int) {
        self.window = window
        self.pagesInFlightMax = pagesInFlightMax
    }

    /// Steps that aren't acknowledged.
    var stepCount: Int { steps.usedCount }

    /// The stream as it is; of a session without a row, the one that its cursor says.
    subscript(session: SessionRow) -> StreamRow {
        session.stream == .none ? StreamRow(sent: session.cursor.position, window) : rows[session.stream]
    }

    // MARK: Steps

    /// The oldest one that isn't acknowledged.
    func first(of session: SessionRow) -> EntryNode? {
        session.stream == .none ? nil : steps.first(of: rows[session.stream].unacknowledged)
    }

    func last(of session: SessionRow) -> EntryNode? {
        session.stream == .none ? nil : steps.last(of: rows[session.stream].unacknowledged)
    }

    /// The oldest position with these low bits that isn't acknowledged.
    func oldest(_ short: ShortPosition, of session: SessionRow) -> Position? {
        guard session.stream != .none else { return nil }
        var node = rows[session.stream].unacknowledged.head
        while node != .none {
            let position = steps[node].entry.position
            if ShortPosition(position) == short { return position }
            node = steps.next(after: node)
        }
        return nil
    }

    /// - Returns: the position before it in the stream.
    @discardableResult
    mutating func append(_ entry: InboxEntry, size: UInt32, kind: EntryNode.Kind, to session: inout SessionRow) -> Position {
        let slot = open(&session)
        let before = rows[slot].sent
        precondition(entry.position > before, "a stream rises")
        steps.append(TimelineEntry(entry), size: size, kind: kind, to: &rows[slot].unacknowledged)
        rows[slot].sent = entry.position
        if kind == .message {
            rows[slot].unacknowledgedCount += 1
            rows[slot].unacknowledgedBytes &+= size
        }
        return before
    }

    /// The last step, which is one over own sends, goes further.
    mutating func replaceLast(of session: SessionRow, by entry: InboxEntry) {
        precondition(session.stream != .none, "a step that goes further was made")
        assert(last(of: session)?.kind == .skip, "only a step over own sends goes further")
        steps.replaceLast(of: rows[session.stream].unacknowledged, by: entry)
        rows[session.stream].sent = entry.position
    }

    /// The cursor has moved to what was sent, without a step that would have to be acknowledged.
    mutating func setSent(_ position: Position, of session: SessionRow) {
        if session.stream != .none { rows[session.stream].sent = position }
    }

    mutating func removeFirst(of session: SessionRow) {
        let slot = session.stream
        guard slot != .none, let first = steps.removeFirst(of: &rows[slot].unacknowledged), first.kind == .message else { return }
        precondition(rows[slot].unacknowledgedCount > 0, "what is unacknowledged is counted")
        rows[slot].unacknowledgedCount -= 1
        rows[slot].unacknowledgedBytes &-= first.size
    }

    mutating func setWindow(_ window: StreamRow.Window, of session: inout SessionRow) {
        rows[open(&session)].window = window
        closeSettled(&session)
    }

    // MARK: Rows

    /// The session's row, which is made if there is none.
    private mutating func open(_ session: inout SessionRow) -> StreamSlot {
        assert(session.connection != .none, "a stream is a connection's")
        if session.stream == .none { session.stream = rows.insert(self[session]) }
        return session.stream
    }

    /// Frees the row if it says nothing that the session's doesn't.
    mutating func closeSettled(_ session: inout SessionRow) {
        let slot = session.stream
        guard slot != .none, rows[slot].unacknowledged.isEmpty, rows[slot].window == window else { return }
        #if !PLANTED_BUGS
            precondition(rows[slot].sent == session.cursor.position, "who has acknowledged everything was sent what the cursor says")
        #endif
        free(&session)
    }

    /// The session's connection is gone.
    mutating func remove(of session: inout SessionRow) {
        guard session.stream != .none else { return }
        steps.removeAll(of: &rows[session.stream].unacknowledged)
        free(&session)
    }

    private mutating func free(_ session: inout SessionRow) {
        rows.remove(session.stream, leaving: StreamRow(sent: .zero, window))
        session.stream = .none
    }

    // MARK: Pages

    var hasRoomForPage: Bool { pagesInFlight < pagesInFlightMax }

    mutating func enqueue(_ session: SessionSlot) { queue.append(session) }

    /// The next session that wants a page, if one more may be read.
    mutating func nextInQueue() -> SessionSlot? { hasRoomForPage ? queue.popFirst() : nil }

    mutating func pageRequested() {
        precondition(hasRoomForPage, "pages in flight have a limit")
        pagesInFlight += 1
    }

    mutating func pageCame() {
        precondition(pagesInFlight > 0, "a page that comes was asked for")
        pagesInFlight -= 1
    }

    /// Gives the room of past traffic back.
    /// - Returns: what is to be freed.
    mutating func giveMemoryBack() -> ContiguousArray<StreamRow> {
        if queue.isEmpty { queue = Line() }
        return rows.giveMemoryBack()
    }

    // MARK: Invariants

    /// What must hold over all sessions and doesn't; nil: all does.
    func violation(_ sessions: ContiguousArray<SessionRow>) -> String? {
        var (stepCount, streamCount, reading) = (0, 0, 0)
        for session in sessions {
            if session.flags.contains(.pageInFlight) { reading += 1 }
            guard session.stream != .none else { continue }
            streamCount += 1
            if let text = violation(session, &stepCount) { return "session \(session.id.rawValue): \(text)" }
        }
        if reading > pagesInFlight { return "\(reading) sessions wait for \(pagesInFlight) pages" }
        if pagesInFlight > pagesInFlightMax { return "\(pagesInFlight) pages are in flight" }
        if streamCount != rows.count { return "\(streamCount) streams of sessions, \(rows.count) in the table" }
        return stepCount == steps.usedCount ? nil : "\(stepCount) steps in lists, \(steps.usedCount) in the pool"
    }

    private func violation(_ session: SessionRow, _ stepCount: inout Int) -> String? {
        let row = rows[session.stream]
        var (last, messages, bytes) = (session.cursor.position, UInt32(0), UInt32(0))
        var slot = row.unacknowledged.head
        while slot != .none {
            stepCount += 1
            let node = steps[slot]
            if node.entry.position <= last { return "what was sent doesn't rise from the cursor on" }
            if node.kind == .message { (messages, bytes) = (messages + 1, bytes &+ node.size) }
            last = node.entry.position
            slot = steps.next(after: slot)
        }
        if messages != row.unacknowledgedCount || bytes != row.unacknowledgedBytes { return "unacknowledged messages aren't counted right" }
        if session.connection == .none { return "a stream without a connection" }
        return last == row.sent ? nil : "sent up to \(row.sent.rawValue), and \(last.rawValue) is the last that waits"
    }
}
