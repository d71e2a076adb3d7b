import HoldfastWire

// Frames back to bytes by the writers, from what a decoder found and from the fields of a vector. As no two different frames have the
// same bytes, a frame that comes back to its bytes was understood.

extension ClientFrame {
    func encoded(from source: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        func span(_ range: ByteRange) -> ArraySlice<UInt8> { source[range] }
        switch self {
        case .ping: ClientFrameWriter.ping(to: &out)
        case .hello(let hello):
            ClientFrameWriter.hello(
                isSendOnly: hello.isSendOnly, token: span(hello.token).span, device: span(hello.device).span,
                user: span(hello.user).span, state: hello.state, capabilities: hello.capabilities, to: &out)
        case .resume(let resume):
            let state = PresentedState(
                session: SessionID(rawValue: 0), attach: resume.attach, position: resume.position, lastSequence: resume.lastSequence)
            ClientFrameWriter.resume(ticket: span(resume.ticket).span, state: state, to: &out)
        case .authenticate(let token): ClientFrameWriter.authenticate(token: span(token).span, to: &out)
        case .close(let intent): ClientFrameWriter.close(intent, to: &out)
        case .acknowledge(let position): ClientFrameWriter.acknowledge(Position(rawValue: position.rawValue), to: &out)
        case .credit(let messages, let bytes): ClientFrameWriter.credit(messages: messages, bytes: bytes, to: &out)
        case .lookup(let conversation): ClientFrameWriter.lookup(conversation, to: &out)
        case .pace(let seconds): ClientFrameWriter.pace(seconds: seconds, to: &out)
        case .send(let send):
            ClientFrameWriter.send(
                MessageSequence(send.sequence), kind: send.kind, conversation: send.conversation, body: span(send.body).span, to: &out)
        case .sendTo(let send):
            ClientFrameWriter.sendTo(
                MessageSequence(send.sequence), kind: send.kind, user: span(send.user).span, body: span(send.body).span, to: &out)
        case .sendHeaded(let send, let head):
            ClientFrameWriter.sendHeaded(
                MessageSequence(send.sequence), kind: send.kind, conversation: send.conversation, headFlags: head.flags,
                fields: span(head.fields.range).span, body: span(send.body).span, to: &out)
        case .operation(let sequence, let kind, let fields):
            ClientFrameWriter.operation(MessageSequence(sequence), kind: kind, fields: span(fields.range).span, to: &out)
        case .question(let request, let kind, let fields):
            ClientFrameWriter.question(request: request, kind: kind, fields: span(fields.range).span, to: &out)
        case .sendToHeaded(let send, let head):
            ClientFrameWriter.sendToHeaded(
                MessageSequence(send.sequence), kind: send.kind, user: span(send.user).span, headFlags: head.flags,
                fields: span(head.fields.range).span, body: span(send.body).span, to: &out)
        }
        return out
    }
}

extension ServerFrame {
    func encoded(from source: [UInt8]) throws -> [UInt8] {
        var out: [UInt8] = []
        switch self {
        case .pong: ServerFrameWriter.pong(to: &out)
        case .welcome(let welcome): ServerFrameWriter.welcome(welcome, to: &out)
        case .ticket(let expiresIn, let ticket): ServerFrameWriter.ticket(expiresIn: expiresIn, source[ticket].span, to: &out)
        case .sent(let through, let position):
            ServerFrameWriter.sent(through: MessageSequence(through), position: Position(rawValue: position.rawValue), to: &out)
        case .refused(let refused):
            ServerFrameWriter.refused(
                MessageSequence(refused.sequence), refused.code, retryAfterMilliseconds: refused.retryAfterMilliseconds, to: &out)
        case .deliver(let deliver): try deliver.encode(from: source, to: &out)
        case .gap(let gap):
            ServerFrameWriter.gap(
                predecessor: Position(rawValue: gap.predecessor.rawValue), through: gap.through, count: gap.count, reason: gap.reason,
                to: &out)
        case .skip(let predecessor, let through):
            ServerFrameWriter.skip(predecessor: Position(rawValue: predecessor.rawValue), through: through, to: &out)
        case .conversation(let number, let type, let peer): ServerFrameWriter.conversation(number, type, peer: source[peer].span, to: &out)
        case .goAway(let delay, let address): ServerFrameWriter.goAway(delayMilliseconds: delay, address: source[address].span, to: &out)
        case .closed(let closed):
            ServerFrameWriter.closed(
                closed.code, retryAfterMilliseconds: closed.retryAfterMilliseconds, text: source[closed.text].span, to: &out)
        case .tokenExpiring(let seconds): ServerFrameWriter.tokenExpiring(seconds: seconds, to: &out)
        case .authenticated(let expiresIn): ServerFrameWriter.authenticated(expiresIn: expiresIn, to: &out)
        case .answer(let request, let status, let fields):
            ServerFrameWriter.answer(request: request, status, fields: source[fields.range].span, to: &out)
        case .state(let kind, let fields): ServerFrameWriter.state(kind: kind, fields: source[fields.range].span, to: &out)
        case .previous(let session, let lastSequence): ServerFrameWriter.previous(session, lastSequence: lastSequence, to: &out)
        }
        return out
    }
}

extension ServerFrame.Deliver {
    func readEntries(in source: [UInt8]) throws -> [DeliverEntry] {
        var reader = DeliverEntries(self)
        var entries: [DeliverEntry] = []
        while let entry = try reader.next(in: source.span) { entries.append(entry) }
        return entries
    }

    fileprivate func encode(from source: [UInt8], to out: inout [UInt8]) throws {
        let entries = try readEntries(in: source)
        var writer = DeliverWriter(
            predecessor: Position(rawValue: predecessor.rawValue), first: Position(rawValue: first.rawValue), conversation: conversation,
            timeOffset: timeOffset, entries: entries.count, bodyBytes: entries.reduce(0) { $0 + $1.body.count }, to: &out)
        var position = Position(rawValue: first.rawValue)
        for (index, entry) in entries.enumerated() {
            position = entry.position.expanded(from: position)
            if let head = entry.head {
                writer.entry(
                    position: position, timeOffset: entry.timeOffset, kind: entry.kind, isOwn: entry.isOwn,
                    isLast: index == entries.count - 1, headFlags: head.flags, fields: source[head.fields.range].span,
                    body: source[entry.body].span, to: &out)
                continue
            }
            writer.entry(
                position: position, timeOffset: entry.timeOffset, kind: entry.kind, isOwn: entry.isOwn, isLast: index == entries.count - 1,
                body: source[entry.body].span, to: &out)
        }
        writer.end(to: &out)
    }
}

extension MessageSequence {
    init(_ short: ShortSequence) { self.init(rawValue: UInt64(short.rawValue)) }
}
