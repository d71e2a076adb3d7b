import HoldfastClient
import HoldfastIO
import HoldfastWire

// What machines are told and what they want done.
extension Fleet {
    /// Tells a phone's machine of an event and carries out what comes of it.
    func drive(_ index: Int, _ event: (inout ClientMachine, ClientNow, inout ClientActions) -> Void) {
        event(&phones[index].machine, now, &actions)
        finish(index)
    }

    /// Shows a phone's machine what came on its connection.
    /// - Returns: how many bytes it took.
    func deliver(_ bytes: Span<UInt8>, to index: Int) -> Int {
        let consumed = phones[index].machine.received(bytes, now, &actions)
        finish(index)
        return consumed
    }

    private func finish(_ index: Int) {
        perform(index)
        guard let workload, workload.wantsRefill(index), phones[index].flags.contains(.connected) else { return }
        refill(index, workload)
    }

    /// Hands a phone the messages that it may send now.
    func refill(_ index: Int, _ workload: Workload) {
        workload.refill(index, &phones[index].machine, &actions)
        phones[index].machine.flush(now, &actions)
        perform(index)
    }

    /// Carries the actions out, in order. Answers to them append further ones.
    private func perform(_ index: Int) {
        var next = 0
        while next < actions.items.count {
            let item = actions.items[next]
            next += 1
            switch item {
            case .write(let range): write(index, range)
            case .resolved(let id, let outcome):
                workload?.resolved(index, id, outcome)
                stored(index)
            case .handOver(let range): handOver(index, range)
            case .armTimer(let at): arm(index, at)
            case .stateChanged(let state): changed(index, state)
            case .welcomed(let outcome): welcomed(index, outcome)
            case .openTransport: open(index)
            case .closeTransport: if phones[index].connection != 0 { release(index, flush: true) }
            case .needToken: phones[index].machine.tokenProvided(tokens[Int(phones[index].user)], now, &actions)
            case .notice(let notice): noticed(notice)
            case .persist, .sync: break
            }
        }
        actions.removeAll()
    }

    private func write(_ index: Int, _ range: ByteRange) {
        let id = ConnectionID(rawValue: phones[index].connection)
        if phones[index].flags.contains(.introducing) {
            phones[index].flags.remove(.introducing)
            if actions.bytes[range.lowerBound + Preface.byteCount] == FrameKind.resume {
                counters.resumes += 1
            } else {
                counters.hellos += 1
            }
        }
        let bytes = actions.bytes
        loop.send(id, bytes.span.extracting(range))
    }

    private func handOver(_ index: Int, _ range: Range<Int>) {
        if let count = leftovers {
            leftovers = count + range.count
            return
        }
        guard let workload else { return fault("delivery without a sender") }
        let time = Self.nanoseconds
        let bodies = actions.bodies
        let user = Int(phones[index].user)
        for delivery in actions.deliveries[range] {
            switch delivery {
            case .message(let message): workload.delivered(user, bodies.span.extracting(message.body), time)
            case .gap: fault("gap")
            }
        }
    }

    private func arm(_ index: Int, _ at: UInt64) {
        phones[index].timerAt = at
        if !phones[index].flags.contains(.parked) { timers.insert(.init(at: at, phone: UInt32(index))) }
    }

    private func changed(_ index: Int, _ state: ConnectionState) {
        switch state {
        case .connected:
            phones[index].flags.insert(.connected)
            counters.connected += 1
            return
        case .connecting: break
        case .waiting, .disconnected: finishAttempt(index)
        case .stopped(let reason):
            finishAttempt(index)
            fault("stopped: \(reason)")
            fail("a phone was stopped by the gateway: \(reason)")
        }
        guard phones[index].flags.contains(.connected) else { return }
        phones[index].flags.remove(.connected)
        counters.connected -= 1
    }

    private func welcomed(_ index: Int, _ outcome: WelcomeOutcome) {
        if outcome == .resumed { counters.resumed += 1 } else { counters.begun += 1 }
        welcomed(index)
        arrivals?.welcome(index, Self.nanoseconds)
    }

    private func open(_ index: Int) {
        // A repeated attempt counts from the first one.
        if phones[index].attemptedAt == 0 { phones[index].attemptedAt = Self.nanoseconds }
        // After a silent departure from another address.
        let source = sources.isEmpty ? nil : sources[(index + (ghosts.isEmpty ? 0 : 1)) % sources.count]
        do throws(IOError) {
            let id = try loop.connect(to: target.address, from: source, tls: target.tls, userData: UInt64(index))
            phones[index].connection = id.rawValue
            while owners.count <= Int(id.slot) { owners.append(0) }
            owners[Int(id.slot)] = UInt32(index)
        } catch {
            fail("phone \(index) can't connect: \(error). \(Limits.advice)")
        }
    }

    private func noticed(_ notice: ClientNotice) {
        switch notice {
        case .closedByServer(let code, _): counters.closes[code, default: 0] += 1
        case .transportFailed: counters.disconnects += 1
        case .streamHole: fault("hole in the stream")
        case .protocolViolation(let code): fault("protocol violation \(code)")
        case .serverWentBack: fault("gateway went back in time")
        case .stateBehind: fault("gateway knows of sends that never were")
        case .resynchronised(let cause): fault("new session: \(cause)")
        case .stateDamaged, .tokenUnavailable: fault("\(notice)")
        // It is sent again by itself, and counted when it is stored.
        case .heldBack: break
        }
    }

    private func fault(_ name: String) { counters.faults[name, default: 0] += 1 }
}
