internal import HoldfastCore
import HoldfastWire

// From the core: effects to frames, one write for each connection and batch.
extension ConnectionTable {
    mutating func apply(_ batch: EffectBatch) {
        assert(out.isEmpty, "what was written before has left")
        groups.load(batch.effects, slotCount: machines.count)
        for index in 0..<groups.count {
            groups.select(index)
            apply(batch, groups.group)
        }
    }

    /// The effects for the connections of one slot: almost always one, but after a close two may share it.
    private mutating func apply(_ batch: EffectBatch, _ group: ContiguousArray<Int32>) {
        var next = 0
        while next < group.count {
            let connection = batch.effects[Int(group[next])].connection
            guard isCurrent(connection) else {
                lost(batch.effects[Int(group[next])])
                next += 1
                continue
            }
            next = apply(batch, group, from: next, to: connection)
            flush(connection)
        }
    }

    private mutating func apply(
        _ batch: EffectBatch, _ group: ContiguousArray<Int32>, from index: Int, to connection: ConnectionHandle
    ) -> Int {
        let slot = Int(connection.slot)
        var next = index
        let wasOpen = machines[slot].state == .open
        // Whoever is let in while the gateway drains is asked to leave, after what belongs to the WELCOME.
        defer { if isDraining && machines[slot].state == .open && !wasOpen { appendGoAway() } }
        while next < group.count, batch.effects[Int(group[next])].connection == connection {
            let effect = batch.effects[Int(group[next])]
            next += 1
            switch effect {
            case .deliver:
                let first = next - 1
                var bodyBytes = 0
                next = machines[slot].deliver(batch, group, from: first, limits: limits, out: &out, bodyBytes: &bodyBytes)
                if machines[slot].isSpokenTo {
                    counted.messagesDelivered &+= UInt64(next - first)
                    counted.messageBytesDelivered &+= UInt64(bodyBytes)
                }
            case .sent(_, let sequence, let position):
                let answered = machines[slot].answered
                machines[slot].sent(through: sequence, position: position, out: &out)
                sentCount &+= machines[slot].answered.rawValue &- answered.rawValue
            case .skip(_, let predecessor, var through):
                // Several are one (REQ-STREAM-5).
                while next < group.count, case .skip(connection, _, let further) = batch.effects[Int(group[next])] {
                    through = further
                    next += 1
                }
                machines[slot].skip(predecessor: predecessor, through: through, out: &out)
            case .gap(_, let predecessor, let through, let count, let reason):
                machines[slot].gap(predecessor: predecessor, through: through, count: count, reason: reason, out: &out)
            case .refused(_, let sequence, let code, let retryAfter):
                let told = machines[slot].refused(sequence, code, retryAfterMilliseconds: retryAfter, out: &out)
                if let told { counted.refusals.count(told) }
            case .conversation(_, let number, let type, let peer):
                machines[slot].conversation(number, type, peer: batch.bytes.span.extracting(peer), out: &out)
            case .welcome(_, let attached): welcome(connection, attached)
            case .previous(_, let session, let lastSequence):
                machines[slot].previous(session, lastSequence: lastSequence, out: &out)
            case .authenticated: authenticated(connection)
            case .close(_, let code, let retryAfter):
                close(connection, code, retryAfterMilliseconds: retryAfter == 0 ? nil : retryAfter)
            }
        }
        return next
    }

    /// The connection was gone before the core attached it: the core must not believe it there.
    private mutating func lost(_ effect: Effect) {
        guard case .welcome(let connection, let attached) = effect else { return }
        intake.detach(connection, attached.session)
    }

    private mutating func welcome(_ connection: ConnectionHandle, _ attached: Effect.Attached) {
        let slot = Int(connection.slot)
        openingServed(slot)
        guard machines[slot].welcome(attached, now: port.now, limits: limits, out: &out) else { return }
        countWelcome(slot)
        appendTicket(slot)
        setDeadline(connection)
    }

    private mutating func authenticated(_ connection: ConnectionHandle) {
        let slot = Int(connection.slot)
        guard machines[slot].authenticated(now: port.now, limits: limits, out: &out) else { return }
        appendTicket(slot)
        setDeadline(connection)
    }

    /// A fresh ticket. For a client that came by ticket it ends with that one: beyond it, a token has to be shown again.
    private mutating func appendTicket(_ slot: Int) {
        let machine = machines[slot]
        assert(machine.state == .open && machine.session.rawValue != 0, "a ticket is of the session that the connection is in")
        let lifetime = settings.ticketSeconds
        let seconds = machine.isByTicket ? min(lifetime, machine.secondsAuthorized(port.now)) : lifetime
        var flags = Ticket.Flags(announced: machine.announced)
        if machine.isSendOnly { flags.insert(.sendOnly) }
        if machine.isService { flags.insert(.service) }
        let expires = UInt32(clamping: port.wallSeconds + UInt64(seconds))
        let sealed = port.sealTicket(Ticket(session: machine.session, expires: expires, flags: flags))
        ServerFrameWriter.ticket(expiresIn: seconds, sealed.span, to: &out)
    }

    // MARK: - The end

    /// Lets nobody in any more and asks everybody to leave, each at another moment of the time.
    package mutating func drain(_ milliseconds: UInt32) {
        isDraining = true
        drainMilliseconds = milliseconds
        for slot in machines.indices where machines[slot].handle != .none {
            let connection = machines[slot].handle
            switch machines[slot].state {
            case .open, .leaving:
                appendGoAway()
                flush(connection)
            case .awaitingPreface, .awaitingFirstFrame, .authenticating:
                close(connection, .goingAway)
            case .attaching, .closing:
                break
            }
        }
    }

    private mutating func appendGoAway() {
        assert(isDraining, "nobody is asked to leave while new ones are let in")
        let address = Array(settings.goAwayAddress.utf8)
        ServerFrameWriter.goAway(delayMilliseconds: port.random(in: 0...drainMilliseconds), address: address.span, to: &out)
    }

    /// The time is over: whoever is still there is told so.
    package mutating func closeAll() {
        for slot in machines.indices where machines[slot].handle != .none && machines[slot].state != .closing {
            close(machines[slot].handle, .goingAway)
        }
    }
}
