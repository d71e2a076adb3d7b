import HoldfastIO

// What machines are told and what they want done.
extension PeerFleet {
    /// Tells a phone's machine of an event, and carries out what comes of it.
    func drive(_ index: Int, _ event: (any PeerMachine, PeerNow, inout PeerOutput) -> Void) {
        var output = takeOutput()
        event(phones[index].machine, now, &output)
        finish(index, &output)
    }

    /// Hands a phone the messages that it may send now.
    func refill(_ index: Int) {
        var output = takeOutput()
        fill(index, &output)
        finish(index, &output)
    }

    private func fill(_ index: Int, _ output: inout PeerOutput) {
        guard let traffic, phones[index].flags.contains(.ready), traffic.wantsRefill(index) else { return }
        let now = self.now
        let machine = phones[index].machine
        traffic.refill(index) { id, name, body in machine.publish(id, to: name, body, now, &output) }
        machine.flush(now, &output)
    }

    // The memory is used again; an event that comes of another one gets memory of its own.
    func takeOutput() -> PeerOutput {
        var taken = PeerOutput()
        swap(&taken, &output)
        return taken
    }

    func finish(_ index: Int, _ output: inout PeerOutput) {
        var next = 0
        // Once: where a message counts as acknowledged when it is written, there would be room without end.
        var isFilled = false
        while next < output.events.count {
            let event = output.events[next]
            next += 1
            perform(event, index, &output)
            // Answers make room for more.
            if next == output.events.count && !isFilled {
                isFilled = true
                fill(index, &output)
            }
        }
        write(index, &output)
        if phones[index].flags.contains(.visiting), phones[index].flags.contains(.ready) {
            phones[index].flags.remove(.visiting)
            switchOff(index, cleanly: true)
        }
        output.removeAll()
        swap(&self.output, &output)
    }

    private func write(_ index: Int, _ output: inout PeerOutput) {
        if !output.bytes.isEmpty, phones[index].connection != 0 {
            let bytes = output.bytes
            loop.send(ConnectionID(rawValue: phones[index].connection), bytes.span)
        }
        output.bytes.removeAll(keepingCapacity: true)
    }

    private func perform(_ event: PeerEvent, _ index: Int, _ output: inout PeerOutput) {
        switch event {
        case .open(let pause): open(index, pause)
        case .close:
            guard phones[index].connection != 0 else { return }
            write(index, &output)
            loop.close(ConnectionID(rawValue: phones[index].connection), flush: true)
            lose(index)
        case .armTimer(let at):
            phones[index].timerAt = at
            if at != .max && !phones[index].flags.contains(.parked) { timers.insert(.init(at: at, phone: UInt32(index))) }
        case .ready(let resumed): becameReady(index, resumed)
        case .acknowledged(let id): traffic?.acknowledged(index, id)
        case .rejected(let id): traffic?.rejected(index, id)
        case .delivered(let range):
            guard let traffic else { return trouble("delivery without a sender") }
            let bodies = output.bodies
            traffic.delivered(index, bodies.span.extracting(range), Self.nanoseconds)
        case .trouble(let name): trouble(name)
        }
    }

    private func becameReady(_ index: Int, _ resumed: Bool) {
        guard !phones[index].flags.contains(.ready) else { return trouble("ready twice") }
        phones[index].flags.insert(.ready)
        counters.ready += 1
        if resumed { counters.resumed += 1 } else { counters.begun += 1 }
        connectTimes.record(Self.nanoseconds - phones[index].attemptedAt)
        finishAttempt(index)
    }

    /// Connects a phone, now or after a pause.
    func open(_ index: Int, _ pause: UInt32) {
        guard !phones[index].flags.contains(.parked), phones[index].connection == 0 else { return }
        guard pause == 0 else {
            phones[index].openAt = loop.now + UInt64(pause) + random.next() % UInt64(pause)
            timers.insert(.init(at: phones[index].openAt, phone: UInt32(index)))
            return
        }
        phones[index].openAt = .max
        let source = sources.isEmpty ? nil : sources[index % sources.count]
        do throws(IOError) {
            let id = try loop.connect(to: target.address, from: source, tls: target.tls, userData: UInt64(index))
            phones[index].connection = id.rawValue
            while owners.count <= Int(id.slot) { owners.append(0) }
            owners[Int(id.slot)] = UInt32(index)
        } catch {
            fail("phone \(index) can't connect: \(error). \(Limits.advice)")
        }
    }
}
