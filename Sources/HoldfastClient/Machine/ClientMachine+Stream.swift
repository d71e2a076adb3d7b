package import HoldfastWire

// The stream: deliveries in one chain, handed over once, acknowledged.
extension ClientMachine {
    /// The app has dealt with everything up to `position`. Call `flush` after the last of a batch.
    package mutating func acknowledge(through position: Position, _ now: ClientNow, _ actions: inout ClientActions) {
        // What an earlier run handed over may be acknowledged by this one.
        let through = min(position, max(handed, handedMark))
        guard through > cursor else { return }
        cursor = through
        if let cold {
            while let first = cold.outstanding.first, first.position <= through {
                noteUnsent(first.bytes)
                _ = cold.outstanding.popFirst()
            }
        }
        collapse()
        persist(.acknowledged(cursor), &actions)
        scheduleAcknowledgement(now)
    }

    /// The app has stored everything up to `position` itself: nothing up to it is handed over. To be called before the first connection.
    package mutating func startAfter(_ position: Position, _ actions: inout ClientActions) {
        if flags.contains(.hasSession), !flags.contains(.isLoggedOut), position.era != era {
            repeatThrough = max(repeatThrough, position)
        } else if position > cursor {
            cursor = position
            persist(.acknowledged(cursor), &actions)
        }
    }

    mutating func delivered(
        _ frame: ServerFrame.Deliver, in bytes: Span<UInt8>, _ now: ClientNow, _ actions: inout ClientActions
    ) throws(CloseCode) {
        guard frame.predecessor == ShortPosition(streamed) else { return holeFound(now, &actions) }
        var entries = DeliverEntries(frame)
        while let entry = try entries.next(in: bytes) {
            let position = entry.position.expanded(from: Position(rawValue: streamed.rawValue &+ 1))
            guard position > streamed else { throw .malformedFrame }
            streamed = position
            take(entry, position, frame.conversation, in: bytes, now, &actions)
        }
    }

    mutating func gapped(_ gap: ServerFrame.Gap, _ now: ClientNow, _ actions: inout ClientActions) throws(CloseCode) {
        guard gap.predecessor == ShortPosition(streamed) else { return holeFound(now, &actions) }
        guard gap.through > streamed else { throw .malformedFrame }
        streamed = gap.through
        guard gap.through > max(cursor, handed) else { return scheduleAcknowledgement(now) }
        let delivery = ClientDelivery.gap(through: gap.through, count: gap.count, gap.reason)
        if let cold, !cold.held.isEmpty {
            cold.held.append(ClientCold.Held(delivery: delivery, body: []))
        } else {
            handOver(delivery, gap.through, bodyCount: 0, now, &actions)
        }
    }

    mutating func skipped(_ predecessor: ShortPosition, _ through: Position, _ now: ClientNow, _ actions: inout ClientActions)
        throws(CloseCode)
    {
        guard predecessor == ShortPosition(streamed) else { return holeFound(now, &actions) }
        guard through > streamed else { throw .malformedFrame }
        streamed = through
        let before = cursor
        collapse()
        if cursor > before { persist(.acknowledged(cursor), &actions) }
        scheduleAcknowledgement(now)
    }

    mutating func conversation(
        _ number: ConversationNumber, _ type: ConversationType, _ peer: String, _ now: ClientNow, _ actions: inout ClientActions
    ) {
        if type != .unknown { learn(number, peer, &actions) }
        guard let cold else { return }
        cold.lookups.removeAll { $0 == number }
        guard !cold.held.isEmpty else { return }
        var answered: ConversationNumber? = type == .unknown ? number : nil
        while let held = cold.held.first {
            guard case .message(var message) = held.delivery else {
                _ = cold.held.popFirst()
                if case .gap(let through, _, _) = held.delivery { handOver(held.delivery, through, bodyCount: 0, now, &actions) }
                continue
            }
            if let peer = peers?.peers[message.conversation] {
                message.peer = peer
            } else if message.conversation != answered {
                answered = nil
                lookUp(message.conversation, now, &actions)
                return
            }
            _ = cold.held.popFirst()
            let start = actions.bodies.count
            actions.bodies.append(contentsOf: held.body)
            message.body = start..<actions.bodies.count
            handOver(.message(message), message.position, bodyCount: held.body.count, now, &actions)
        }
        collapse()
    }

    /// Marks on the disk what is about to be handed over, then hands it over: one mark for all that came together.
    mutating func finishHandOver(from start: Int, _ actions: inout ClientActions) {
        guard actions.deliveries.count > start else { return }
        if settings.isPersistent && handed > handedMark {
            handedMark = handed
            #if PLANTED_BUGS
                if PlantedBug.handOverNotMarked.isActive { return actions.items.append(.handOver(start..<actions.deliveries.count)) }
            #endif
            actions.items.append(.persist(.handedOver(handed)))
            flags.insert(.isUnsynced)
            synchronize(&actions)
        }
        actions.items.append(.handOver(start..<actions.deliveries.count))
        if settings.acknowledgesOnReceipt { persist(.acknowledged(cursor), &actions) }
    }

    mutating func writeAcknowledgement(_ now: ClientNow, _ actions: inout ClientActions) {
        let through = min(cursor, streamed)
        acknowledgeAt = 0
        guard through > acknowledged, flags.contains(.isSettled) else { return }
        synchronize(&actions)
        acknowledged = through
        unsentMessages = 0
        unsentBytes = 0
        write(now, &actions) { ClientFrameWriter.acknowledge(through, to: &$0) }
    }

    /// An acknowledgement rides with the next frame, but not too late.
    mutating func scheduleAcknowledgement(_ now: ClientNow) {
        guard phase == .open, flags.contains(.isSettled), acknowledgeAt == 0, min(cursor, streamed) > acknowledged else { return }
        acknowledgeAt = now.milliseconds + UInt64(settings.limits.acknowledgementDelayMilliseconds)
    }

    /// One more message is dealt with and not acknowledged. How many there can be is the gateway's word: the sums end at their limit.
    private mutating func noteUnsent(_ bytes: UInt32) {
        unsentMessages = UInt32(clamping: UInt64(unsentMessages) + 1)
        unsentBytes = UInt32(clamping: UInt64(unsentBytes) + UInt64(bytes))
    }

    /// At the latest at half of the credit, so that the stream doesn't stop.
    var isAcknowledgementDue: Bool {
        unsentMessages >= min(settings.limits.acknowledgeAfterMessages, max(1, creditMessages / 2))
            || unsentBytes >= min(settings.limits.acknowledgeAfterBytes, max(1, creditBytes / 2))
    }

    private mutating func take(
        _ entry: DeliverEntry, _ position: Position, _ conversation: ConversationNumber, in bytes: Span<UInt8>, _ now: ClientNow,
        _ actions: inout ClientActions
    ) {
        if position <= max(cursor, handed) {
            // With the app already. What it has dealt with counts against the credit until it is acknowledged.
            if position <= cursor {
                noteUnsent(UInt32(clamping: entry.body.count))
                scheduleAcknowledgement(now)
            }
            return
        }
        var message = ClientDelivery.Message(
            position: position, conversation: conversation, peer: peers?.peers[conversation],
            time: UInt64(clamping: Int64(clamping: serverTime).addingReportingOverflow(entry.timeOffset).partialValue), kind: entry.kind,
            isOwn: entry.isOwn, isRepeat: position <= repeatThrough, body: 0..<0)
        let body = bytes.extracting(entry.body)
        let mustWait = settings.resolvesPeers && message.peer == nil
        if mustWait || !(cold?.held.isEmpty ?? true) {
            if mustWait && (cold?.held.isEmpty ?? true) { lookUp(conversation, now, &actions) }
            needCold().held.append(ClientCold.Held(delivery: .message(message), body: Array(copying: body)))
            return
        }
        let start = actions.bodies.count
        actions.bodies.append(copying: body)
        message.body = start..<actions.bodies.count
        handOver(.message(message), position, bodyCount: entry.body.count, now, &actions)
    }

    private mutating func handOver(
        _ delivery: ClientDelivery, _ position: Position, bodyCount: Int, _ now: ClientNow, _ actions: inout ClientActions
    ) {
        actions.deliveries.append(delivery)
        handed = position
        if settings.acknowledgesOnReceipt {
            cursor = position
            noteUnsent(UInt32(clamping: bodyCount))
            scheduleAcknowledgement(now)
        } else {
            needCold().outstanding.append(ClientCold.Outstanding(position: position, bytes: UInt32(clamping: bodyCount)))
        }
    }

    /// With nothing in the app's hands, everything that came is dealt with: skips too.
    private mutating func collapse() {
        guard cold.map({ $0.outstanding.isEmpty && $0.held.isEmpty }) ?? true else { return }
        cursor = max(cursor, streamed)
    }

    private mutating func lookUp(_ number: ConversationNumber, _ now: ClientNow, _ actions: inout ClientActions) {
        let cold = needCold()
        guard !cold.lookups.contains(number) else { return }
        cold.lookups.append(number)
        write(now, &actions) { ClientFrameWriter.lookup(number, to: &$0) }
    }

    private mutating func learn(_ number: ConversationNumber, _ peer: String, _ actions: inout ClientActions) {
        if let peers, peers.peers[number] == peer { return }
        if let peers, peers.peers.count >= settings.limits.conversationsMax {
            forgetConversations(&actions)
        }
        needPeers().learn(number, peer)
        persist(.conversation(number, peer: peer), &actions)
    }

    private mutating func holeFound(_ now: ClientNow, _ actions: inout ClientActions) {
        actions.items.append(.notice(.streamHole))
        lost(atLeast: 0, now, &actions)
    }
}

extension [UInt8] {
    fileprivate init(copying bytes: Span<UInt8>) {
        self = unsafe bytes.withUnsafeBufferPointer { unsafe Array($0) }
    }
}
