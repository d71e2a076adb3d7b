package import HoldfastWire

// The outbox: from `send` to `SENT`.
extension ClientMachine {
    /// Why a message isn't taken into the outbox.
    package enum EnqueueFailure: Error, Equatable {
        case outboxFull
        case invalidRecipient
        case bodyTooLarge
    }

    /// Takes a message into the outbox. Call `flush` after the last one of a batch.
    /// - Returns: its number in the outbox, under which `resolved` tells what became of it.
    package mutating func send(
        to recipient: Recipient, kind: MessageKind, body: [UInt8], waitsForRoom: Bool = true, tag: SendTag? = nil,
        _ actions: inout ClientActions
    ) throws(EnqueueFailure) -> UInt64 {
        if case .user(let name) = recipient {
            guard WireLimits.isName(name, bytesMax: WireLimits.userBytesMax) else { throw .invalidRecipient }
        }
        guard body.count <= WireLimits.frameBytesCeiling - WireLimits.bodyReserveBytes else { throw .bodyTooLarge }
        let limits = settings.limits
        if let outbox = cold?.outbox {
            guard outbox.count < limits.outboxMessagesMax, outbox.bodyBytes + body.count <= max(limits.outboxBytesMax, body.count) else {
                throw .outboxFull
            }
        }
        if tag != nil { inputCount += 1 }
        let entry = OutboxEntry(
            id: nextID, recipient: recipient, kind: kind, waitsForRoom: waitsForRoom, tag: tag, inputNumber: tag == nil ? 0 : inputCount,
            body: body)
        nextID += 1
        needCold().outbox.enqueue(entry)
        flags.insert(.isOutboxUnsynced)
        persist(.enqueued(entry), &actions)
        return entry.id
    }

    /// Takes a message out again that has no number yet. False: it may have been sent.
    package mutating func withdraw(id: UInt64, _ actions: inout ClientActions) -> Bool {
        guard let cold, let index = cold.outbox.waiting.firstIndex(where: { $0.id == id }) else { return false }
        drop(cold.outbox.removeWaiting(at: index), .withdrawn, &actions)
        cold.blocks.removeAll { $0.probe == id }
        return true
    }

    /// Gives numbers to what may go, makes sure that the disk knows, and sends; acknowledges if that is due.
    package mutating func flush(_ now: ClientNow, _ actions: inout ClientActions) {
        if phase == .open && flags.contains(.isSettled) {
            flushSends(now, &actions)
            if acknowledgeAt != 0 && (isAcknowledgementDue || acknowledgeAt <= now.milliseconds) { writeAcknowledgement(now, &actions) }
        }
        #if PLANTED_BUGS
            if PlantedBug.outboxNotSynced.isActive { flags.remove(.isOutboxUnsynced) }
        #endif
        if flags.contains(.isOutboxUnsynced) { synchronize(&actions) }
        releaseCold()
        rearm(now, &actions)
    }

    mutating func sent(_ through: ShortSequence, _ now: ClientNow, _ actions: inout ClientActions) {
        guard let cold else {
            // Answers to messages that were sent again may come twice.
            if through.expanded(near: lastSequence) > lastSequence { violated(.sequenceHole, now, &actions) }
            return
        }
        let sequence = through.expanded(near: MessageSequence(rawValue: lastSequence.rawValue + UInt64(cold.sentCount)))
        guard sequence > lastSequence else { return }
        let count = sequence.rawValue - lastSequence.rawValue
        guard count <= UInt64(cold.sentCount) else { return violated(.sequenceHole, now, &actions) }
        cold.sentCount -= Int(count)
        cold.sendProgressAt = now.milliseconds
        store(Int(count), now, &actions)
    }

    /// A number was refused: what was sent after it is thrown away by the gateway until the number comes again.
    mutating func refused(_ frame: ServerFrame.Refused, _ now: ClientNow, _ actions: inout ClientActions) {
        guard let cold else { return violated(.sequenceHole, now, &actions) }
        let sequence = frame.sequence.expanded(near: MessageSequence(rawValue: lastSequence.rawValue + UInt64(cold.sentCount)))
        guard sequence > lastSequence, sequence.rawValue - lastSequence.rawValue <= UInt64(cold.sentCount) else {
            return violated(.sequenceHole, now, &actions)
        }
        let index = Int(sequence.rawValue - lastSequence.rawValue) - 1
        let entry = cold.outbox.line[index]
        cold.sentCount = index
        cold.sendProgressAt = now.milliseconds
        // Sent again, the numbers mean other messages: the disk must know first, and a state from before must show as such (REQ-ATTACH-9).
        raiseAttach(&actions)
        if let retryAfter = retryDelay(frame, entry) {
            if let code = SendError.Code(rawValue: frame.code.rawValue) { actions.items.append(.notice(.heldBack(code))) }
            persist(.unassigned(from: sequence), &actions)
            cold.outbox.unassign(from: index)
            let recipient = frame.code == .inboxFull ? canonical(entry.recipient) : nil
            block(recipient, until: now.milliseconds + retryAfter + now.random % (retryAfter / 4 + 1))
        } else {
            clearProbe(entry.id)
            drop(cold.outbox.removeFromLine(at: index), .refused(frame.code), &actions)
        }
    }

    /// A state from before the refusal, put back later, presents a lower attach than that of the messages that are sent from here on.
    private mutating func raiseAttach(_ actions: inout ClientActions) {
        #if PLANTED_BUGS
            if PlantedBug.attachNotRaised.isActive { return flags.formUnion(.isUnsynced) }
        #endif
        if attach.rawValue < .max { attach = AttachNumber(rawValue: attach.rawValue + 1) }
        flags.insert(.isUnsynced)
        persist(.attachRaised(attach), &actions)
    }

    /// The first of the line are stored.
    mutating func store(_ count: Int, _ now: ClientNow, _ actions: inout ClientActions) {
        guard count > 0, let cold else { return }
        persist(.stored(through: MessageSequence(rawValue: lastSequence.rawValue + UInt64(count))), &actions)
        for _ in 0..<count {
            guard let entry = cold.outbox.popFirst() else { break }
            lastSequence = MessageSequence(rawValue: lastSequence.rawValue + 1)
            clearProbe(entry.id)
            actions.items.append(.resolved(id: entry.id, .stored(lastSequence)))
        }
    }

    /// Tells what became of a message that was taken out of the outbox.
    mutating func drop(_ entry: OutboxEntry, _ outcome: SendOutcome, _ actions: inout ClientActions) {
        drop([entry], outcome, &actions)
    }

    /// Tells what became of messages that were taken out of the outbox. One that failed is kept as such until that is told, and for longer if
    /// its tag, or an earlier run, needs it.
    mutating func drop(_ entries: [OutboxEntry], _ outcome: SendOutcome, _ actions: inout ClientActions) {
        guard !entries.isEmpty else { return }
        var code: SendError.Code?
        switch outcome {
        case .stored, .withdrawn: code = nil
        case .unknown: code = .unknown
        case .refused(let refusal): code = SendError.Code(rawValue: refusal.rawValue)
        }
        for entry in entries { persist(.removed(id: entry.id, code), &actions) }
        // The app must not hear of it before the disk does: after a power cut the message would be in the outbox again, and be sent.
        flags.insert(.isUnsynced)
        #if PLANTED_BUGS
            if PlantedBug.refusalNotSynced.isActive { flags.subtract([.isUnsynced, .isOutboxUnsynced]) }
        #endif
        synchronize(&actions)
        for entry in entries {
            actions.items.append(.resolved(id: entry.id, outcome))
            if code != nil, entry.tag == nil, entry.id >= firstFreshID { persist(.failureForgotten(id: entry.id), &actions) }
        }
    }

    private mutating func flushSends(_ now: ClientNow, _ actions: inout ClientActions) {
        guard let cold, !cold.outbox.isEmpty else { return }
        dropOversized(cold, &actions)
        assign(cold, now, &actions)
        guard cold.sentCount < cold.outbox.line.count else { return }
        if cold.sentCount == 0 { cold.sendProgressAt = now.milliseconds }
        synchronize(&actions)
        let start = actions.bytes.count
        for index in cold.sentCount..<cold.outbox.line.count {
            let sequence = MessageSequence(rawValue: lastSequence.rawValue + UInt64(index) + 1)
            write(cold.outbox.line[index], sequence, to: &actions.bytes)
        }
        actions.write(from: start)
        lastWriteAt = now.milliseconds
        cold.sentCount = cold.outbox.line.count
        if acknowledgeAt != 0 { writeAcknowledgement(now, &actions) }
    }

    private func write(_ entry: OutboxEntry, _ sequence: MessageSequence, to out: inout [UInt8]) {
        switch canonical(entry.recipient) {
        case .conversation(let number):
            ClientFrameWriter.send(
                sequence, kind: entry.kind, conversation: ConversationNumber(rawValue: number), body: entry.body.span, to: &out)
        case .user(let name):
            ClientFrameWriter.sendTo(sequence, kind: entry.kind, user: Array(name.utf8).span, body: entry.body.span, to: &out)
        }
    }

    /// A user whose conversation is known is that conversation.
    private func canonical(_ recipient: Recipient) -> Recipient {
        if case .user(let name) = recipient, let number = peers?.number(of: name) { return .conversation(number.rawValue) }
        return recipient
    }

    /// What is larger than this gateway takes is refused here, before it has been sent on this connection.
    private mutating func dropOversized(_ cold: ClientCold, _ actions: inout ClientActions) {
        let bodyBytesMax = Int(frameBytesMax) - WireLimits.bodyReserveBytes
        var oversized: [OutboxEntry] = []
        var index = cold.sentCount
        while index < cold.outbox.line.count {
            if cold.outbox.line[index].body.count > bodyBytesMax {
                oversized.append(cold.outbox.removeFromLine(at: index))
            } else {
                index += 1
            }
        }
        drop(oversized, .refused(.bodyTooLarge), &actions)
    }

    /// Gives numbers to waiting messages, in order, leaving out those that have to wait.
    private mutating func assign(_ cold: ClientCold, _ now: ClientNow, _ actions: inout ClientActions) {
        let bodyBytesMax = Int(frameBytesMax) - WireLimits.bodyReserveBytes
        var ids: [UInt64] = []
        // Numbers end (REQ-ENC-9); no gateway stores as many messages, but one can say that it has.
        let lineMax = min(UInt64(sendsInFlightMax), MessageSequence.max.rawValue - lastSequence.rawValue)
        var index = 0
        while index < cold.outbox.waiting.count && cold.outbox.line.count < Int(lineMax)
            && (cold.outbox.lineBodyBytes < settings.limits.bytesInFlightMax)
        {
            if cold.outbox.waiting[index].body.count > bodyBytesMax {
                drop(cold.outbox.removeWaiting(at: index), .refused(.bodyTooLarge), &actions)
            } else if cold.blocks.isEmpty || passesBlocks(cold.outbox.waiting[index], cold, now) {
                ids.append(cold.outbox.waiting[index].id)
                cold.outbox.assign(at: index)
            } else {
                index += 1
            }
        }
        guard !ids.isEmpty else { return }
        flags.insert(.isUnsynced)
        persist(.assigned(ids), &actions)
    }

    /// After a pause one message is let through to try; the others of the same recipient follow once it is stored.
    private func passesBlocks(_ entry: OutboxEntry, _ cold: ClientCold, _ now: ClientNow) -> Bool {
        let recipient = canonical(entry.recipient)
        var probes: [Int] = []
        for index in cold.blocks.indices {
            guard cold.blocks[index].recipient.map({ canonical($0) == recipient }) ?? true else { continue }
            if cold.blocks[index].until > now.milliseconds { return false }
            if let probe = cold.blocks[index].probe, probe != entry.id { return false }
            probes.append(index)
        }
        for index in probes { cold.blocks[index].probe = entry.id }
        return true
    }

    private mutating func block(_ recipient: Recipient?, until: UInt64) {
        let cold = needCold()
        if let index = cold.blocks.firstIndex(where: { $0.recipient.map(canonical) == recipient }) {
            cold.blocks[index] = SendBlock(recipient: recipient, until: until)
        } else {
            cold.blocks.append(SendBlock(recipient: recipient, until: until))
        }
    }

    private func clearProbe(_ id: UInt64) {
        guard let cold, !cold.blocks.isEmpty else { return }
        cold.blocks.removeAll { $0.probe == id }
    }

    /// Nil: the refusal is final.
    private func retryDelay(_ frame: ServerFrame.Refused, _ entry: OutboxEntry) -> UInt64? {
        switch frame.code {
        case .unknownConversation, .bodyTooLarge, .invalidRecipient, .kindUnsupported, .notAllowed: return nil
        case .inboxFull, .storageFull, .overloaded:
            guard entry.waitsForRoom else { return nil }
            let told = min(frame.retryAfterMilliseconds, WireLimits.delayMillisecondsCeiling)
            return UInt64(max(told, settings.limits.refusalRetryMilliseconds))
        }
    }
}
