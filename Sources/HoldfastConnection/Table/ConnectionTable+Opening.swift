internal import HoldfastCore
internal import HoldfastWire
internal import Synchronization

// From the first frame to the core: who goes on, who waits, who is told to come back (REQ-TIME-9).
extension ConnectionTable {
    /// What is needed to go on with an opening once it is its turn.
    enum Opening {
        /// The ticket is good until `expires`, in monotonic seconds.
        case resume(PresentedState, expires: UInt64)
        case login(token: [UInt8], Login)
    }

    /// A first frame has come, and its ticket, if it has one, was opened. Tokens are checked when it is their turn.
    mutating func begin(_ connection: ConnectionHandle, _ opening: Opening) {
        assert(isCurrent(connection) && openings[connection] == nil, "a connection opens once")
        machines[Int(connection.slot)].flags.insert(.hasBegun)
        guard storm.isOn else { return admit(connection, opening) }
        var rank = OpeningQueue.Rank.login
        if case .resume(let state, _) = opening {
            switch port.load.slots.withLock({ $0.claim(state.session, now: port.now) }) {
            case .early(let milliseconds): return close(connection, .overloaded, retryAfterMilliseconds: milliseconds)
            case .due: rank = .slot
            case .none: rank = port.load.undelivered.contains(state.session) ? .undelivered : .resume
            }
        }
        switch storm.arrived(rank, now: port.now) {
        case .admit: admit(connection, opening)
        case .wait:
            port.load.shed(at: port.now)
            openings[connection] = opening
            openingQueue.append(connection, rank)
        case .comeBack(let milliseconds):
            port.load.shed(at: port.now)
            if case .resume(let state, _) = opening {
                port.load.slots.withLock { $0.promise(state.session, at: port.now + UInt64(milliseconds), now: port.now) }
            }
            close(connection, .overloaded, retryAfterMilliseconds: milliseconds)
            reportShedding()
        }
    }

    private mutating func admit(_ connection: ConnectionHandle, _ opening: Opening) {
        assert(
            machines[Int(connection.slot)].state == .authenticating, "whose turn it is has sent a first frame, and nothing was done with it"
        )
        if storm.isOn { machines[Int(connection.slot)].flags.insert(.opening) }
        if leaveIfEnded(connection) { return }
        switch opening {
        case .resume(let state, let expires):
            machines[Int(connection.slot)].ticketOpened(state, expires: expires, intake: &intake)
        case .login(let token, let login): beginCheck(connection, token, login)
        }
    }

    /// An opening whose client has gone isn't carried out (REQ-OPEN-10): a newer one of that client may have been served already, and would be fenced by
    /// it. To be asked when the core is about to be, since an opening may have waited for long, in the socket too.
    mutating func leaveIfEnded(_ connection: ConnectionHandle) -> Bool {
        guard port.hasPeerEnded(connection) else { return false }
        leave(connection)
        return true
    }

    /// Lets those go on whose turn it is. After something that made room: an opening that is through, a connection that is gone, credits.
    mutating func admitWaiting() {
        guard storm.isOn else { return }
        storm.measure(
            now: port.now, sentCount: port.load.sentCount.load(ordering: .relaxed),
            commitMicroseconds: port.load.commitMicroseconds.load(ordering: .relaxed))
        while storm.hasTurn, intake.hasRoom(for: ConnectionMachine.attachBytesMax), let connection = openingQueue.pop() {
            // Of those that are gone the queue doesn't know.
            guard let opening = openings.removeValue(forKey: connection) else { continue }
            storm.takeTurn()
            admit(connection, opening)
        }
        // What a storm took isn't kept.
        if openings.isEmpty && openings.capacity > Self.openingsKept { (openings, openingQueue) = ([:], OpeningQueue()) }
    }

    private static let openingsKept = 64

    /// Openings whose turn hasn't come.
    package var openingsWaiting: Int { storm.waiting }

    /// The connection has its `WELCOME`.
    mutating func openingServed(_ slot: Int) {
        if machines[slot].flags.remove(.opening) != nil { storm.finished(isServed: true) }
    }

    /// The connection is gone.
    mutating func openingLost(_ connection: ConnectionHandle) {
        if machines[Int(connection.slot)].flags.contains(.opening) {
            storm.finished(isServed: false)
            admitWaiting()
        } else if !openings.isEmpty, openings.removeValue(forKey: connection) != nil {
            storm.left()
        }
    }

    private mutating func reportShedding() {
        if let report = storm.takeReport(now: port.now) { port.isShedding(report) }
    }
}
