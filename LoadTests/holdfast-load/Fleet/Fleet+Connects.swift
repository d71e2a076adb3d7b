import HoldfastClient
import HoldfastIO
import HoldfastWire

// When phones connect, and how they go.
extension Fleet {
    /// Switches phones on: they connect in this order, at most `inFlightMax` at a time between `connect` and `WELCOME`.
    func connect(_ range: Range<Int>, inFlightMax: Int) {
        connects.limit = inFlightMax == 0 ? .max : inFlightMax
        connects.schedule = nil
        connects.append(contentsOf: range)
        startConnects()
    }

    /// Switches phones on, each at its time, however many are on their way. More phones may follow by `connectNext`.
    func connect(_ range: Range<Int>, by schedule: Schedule) {
        connects.limit = .max
        connects.schedule = schedule
        connects.due = 0
        connects.append(contentsOf: range)
        startConnects()
    }

    /// Puts a phone at the end of those that are to connect.
    func connectNext(_ index: Int) { connects.append(contentsOf: index..<index + 1) }

    /// Starts as many attempts as may be in flight, or are due.
    func startConnects() {
        while connects.inFlight < connects.limit && failure == nil, let index = connects.next(Self.nanoseconds) {
            phones[index].flags.remove(.parked)
            phones[index].flags.insert(.opening)
            phones[index].attemptedAt = connects.attemptedAt
            if phones[index].timerAt != .max { timers.insert(.init(at: phones[index].timerAt, phone: UInt32(index))) }
            drive(index) { machine, now, actions in machine.connectRequested(now, &actions) }
        }
    }

    /// The attempt of a phone is over, one way or the other.
    func finishAttempt(_ index: Int) {
        guard phones[index].flags.contains(.opening) else { return }
        phones[index].flags.remove(.opening)
        connects.inFlight -= 1
    }

    /// How a phone goes.
    enum Departure: Sendable {
        /// It says that it will be back, and closes.
        case keep
        /// It ends its session.
        case logout
        /// Its system ends the connection: a FIN.
        case close
        /// Its system resets the connection.
        case reset
        /// It is gone without a packet. The connection stays open here, and nothing of it is read any more.
        case silence
    }

    /// Phones go, and stay away until told to connect.
    func drop(_ range: Range<Int>, _ departure: Departure = .reset) {
        for index in range { drop(index, departure) }
    }

    /// A phone goes, and stays away until told to connect.
    func drop(_ index: Int, _ departure: Departure) {
        phones[index].flags.insert(.parked)
        guard phones[index].connection != 0 else { return }
        switch departure {
        case .keep, .logout:
            let intent: CloseIntent = departure == .keep ? .keep : .logout
            drive(index) { machine, now, actions in _ = machine.close(intent, now, &actions) }
            guard phones[index].connection != 0 else { return }
            // It couldn't be said: then it goes without.
            release(index, flush: true)
        case .close: release(index, flush: true)
        case .reset: release(index, flush: false)
        case .silence:
            let id = ConnectionID(rawValue: phones[index].connection)
            phones[index].connection = 0
            phones[index].flags.remove([.beating, .introducing])
            loop.pauseReading(id)
            ghosts.append(id)
        }
        departures += 1
        drive(index) { machine, now, actions in machine.transportClosed(.broken("dropped"), now, &actions) }
    }

    /// Gives up the connections of phones that went without a packet.
    func releaseGhosts() {
        for id in ghosts { loop.close(id, flush: false, reset: true) }
        ghosts.removeAll()
    }

    /// Gives a phone's connection up.
    func release(_ index: Int, flush: Bool) {
        let id = ConnectionID(rawValue: phones[index].connection)
        phones[index].connection = 0
        phones[index].flags.remove([.beating, .introducing])
        loop.close(id, flush: flush, reset: !flush)
    }
}
