import HoldfastClient
import HoldfastIO
import HoldfastWire

// When phones connect, and how they go.
extension Fleet {
    /// Switches phones on: they connect in this order, at most `inFlightMax` at a time between `connect` and `WELCOME`.
    func connect(_ range: Range<Int>, inFlightMax: Int) {
        connects.limit = inFlightMax == 0 ? .max : inFlightMax
        connects.schedule = nil
        for index in range { phones[index].queue = 0 }
        connects.append(contentsOf: range)
        startConnects()
    }

    /// Phones connect, each at its time, by a queue of their own, and do what it says.
    /// - Returns: the queue's number.
    @discardableResult
    func connect(
        _ range: Range<Int>, by schedule: Schedule?, inFlightMax: Int = 0, afterwards: ConnectQueue.Afterwards = .stay
    ) -> Int {
        precondition(queues.count <= Int(UInt8.max), "a phone has one byte for the number of its queue")
        var queue = ConnectQueue()
        queue.limit = schedule != nil || inFlightMax == 0 ? .max : inFlightMax
        queue.schedule = schedule
        queue.afterwards = afterwards
        queue.append(contentsOf: range)
        queues.append(queue)
        for index in range { phones[index].queue = UInt8(queues.count - 1) }
        startConnects()
        return queues.count - 1
    }

    /// Forgets the queue that was added last. Its phones have gone: none waits for its turn, or is on its way.
    /// - Returns: what it has seen.
    @discardableResult
    func removeLastQueue() -> ConnectQueue {
        let last = queues.count - 1
        precondition(last > 0 && queues[last].inFlight == 0 && queues[last].count == 0, "phones still connect by this queue")
        for index in phones.indices where phones[index].queue == UInt8(last) { phones[index].queue = 0 }
        return queues.removeLast()
    }

    /// The queue of phones that simply connect.
    var connects: ConnectQueue {
        get { queues[0] }
        _modify { yield &queues[0] }
    }

    /// Starts as many attempts as may be in flight, or are due.
    func startConnects() {
        for queue in queues.indices {
            while queues[queue].inFlight < queues[queue].limit && failure == nil, let index = queues[queue].next(Self.nanoseconds) {
                begin(index, queues[queue])
            }
        }
    }

    private func begin(_ index: Int, _ queue: ConnectQueue) {
        if case .visit = queue.afterwards { seatNewcomer(index) }
        if case .rejoin(let departure) = queue.afterwards { drop(index, departure) }
        phones[index].flags.remove(.parked)
        phones[index].flags.insert(.opening)
        phones[index].attemptedAt = queue.attemptedAt
        if phones[index].timerAt != .max { timers.insert(.init(at: phones[index].timerAt, phone: UInt32(index))) }
        drive(index) { machine, now, actions in machine.connectRequested(now, &actions) }
    }

    /// The attempt of a phone is over, one way or the other.
    func finishAttempt(_ index: Int) {
        guard phones[index].flags.contains(.opening) else { return }
        phones[index].flags.remove(.opening)
        queues[Int(phones[index].queue)].inFlight -= 1
    }

    /// A phone is where it wanted to be.
    func welcomed(_ index: Int) {
        finishAttempt(index)
        counters.welcomes += 1
        let queue = Int(phones[index].queue)
        queues[queue].times.record(Self.nanoseconds - phones[index].attemptedAt)
        phones[index].attemptedAt = 0
        switch queues[queue].afterwards {
        case .stay, .visit: break
        case .cycle, .rejoin: movers.append(UInt32(index))
        }
    }

    /// A visitor's message is stored: it goes.
    func stored(_ index: Int) {
        if case .visit = queues[Int(phones[index].queue)].afterwards { movers.append(UInt32(index)) }
    }

    /// Phones that have been welcomed, or have done what they came for, go on; at the end of the loop's iteration.
    func moveOn() {
        guard !movers.isEmpty else { return }
        let indices = movers
        movers.removeAll(keepingCapacity: true)
        for index in indices.map(Int.init) {
            let queue = Int(phones[index].queue)
            switch queues[queue].afterwards {
            case .stay: continue
            case .rejoin: break
            case .cycle(let departure, let settings):
                drop(index, departure)
                if let settings { phones[index].machine = ClientMachine(settings: settings) }
            case .visit(let departure):
                drop(index, departure)
                counters.visitors += 1
            }
            queues[queue].append(contentsOf: index..<index + 1)
        }
    }

    /// A user who was never here gets a phone's place.
    private func seatNewcomer(_ index: Int) {
        guard let workload, var newcomers else { preconditionFailure("visitors need somebody to send to") }
        let user = newcomers.nextUser
        guard user < newcomers.tokensEnd else { return fail("tokens weren't made in time: choose a lower --rate") }
        newcomers.nextUser += 1
        self.newcomers = newcomers
        phones[index].machine = ClientMachine(settings: newcomers.settings)
        phones[index].user = UInt32(user)
        workload.clear(sender: index)
        addStream(from: index, to: newcomers.receivers[user % newcomers.receivers.count], flow: newcomers.flow)
    }

    /// Users who come once.
    struct Newcomers: Sendable {
        let settings: ClientSettings
        /// Whom they send to.
        let receivers: [Int]
        /// The flow of their messages.
        let flow: Int
        var nextUser: Int
        /// Users below have tokens.
        var tokensEnd: Int
    }

    /// How a phone goes.
    enum Departure: String, CaseIterable, Sendable {
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
