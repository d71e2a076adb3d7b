import HoldfastWire

// What a command does when it has all that it needs (see `Resolution`).
extension Core {
    /// Runs a command that has all that it needs.
    mutating func run(_ command: Command, _ bytes: [UInt8], _ names: CommandNames, _ resolution: Resolution) {
        assert(resolution.missing.isEmpty, "a command runs when all that it needs is there")
        self.names.touch(resolution.places)
        switch command {
        case .hello(let connection, _, _, let limit, let isSendOnly, let isService, let issuedAt, let state):
            hello(
                connection, resolution, user: names.user, device: names.device, Self.limit(limit, bytes), isSendOnly: isSendOnly,
                isService: isService, issuedAt: issuedAt, state)
        case .resume(let connection, let state): resume(connection, state, resolution)
        case .send(let origin, let sequence, let kind, _, let body):
            send(origin, sequence, kind, to: nil, resolution, body: bytes[body])
            return returnCreditWithBatch(of: command)
        case .sendTo(let origin, let sequence, let kind, _, let body):
            send(origin, sequence, kind, to: names.user, resolution, body: bytes[body])
            return returnCreditWithBatch(of: command)
        case .acknowledge(let origin, let position):
            if let session = resolution.session { acknowledge(session, position, origin.attach) }
        case .credit(_, let messages, let bytes):
            if let session = resolution.session { setCredit(session, messages: messages, bytes: bytes) }
        case .lookup(let origin, let conversation):
            if resolution.session != nil { emitConversation(origin.connection, conversation, peer: resolution.peerName) }
        case .logout:
            if let session = resolution.session { end(session, .loggedOut) }
        case .authenticate(let origin, _, let device, let limit, let issuedAt):
            if let session = resolution.session {
                authenticate(
                    origin, session, resolution, namesDevice: !device.isEmpty, Self.limit(limit, bytes), issuedAt: issuedAt)
            }
        case .detach(let connection, let session): detach(connection, session)
        case .push(let push):
            self.push(push, bytes, names, resolution)
            return returnCreditWithBatch(of: command)
        case .ask(let reply, let question): ask(reply, question, bytes, resolution)
        case .hold(let reply, let command): hold(reply, command.request(bytes))
        case .consume(let reply, let consume): self.consume(reply, through: consume.through, names, resolution)
        case .act(let reply, let act):
            self.act(reply, act, bytes, names, resolution)
            return returnCreditWithBatch(of: command)
        }
        returnCredit(of: command)
    }

    /// What a command says of whom its token lets one write to; nil: everybody.
    private static func limit(_ range: ByteRange?, _ bytes: [UInt8]) -> RecipientLimit? {
        guard let range else { return nil }
        guard let limit = RecipientLimit(encoded: bytes[range]) else {
            preconditionFailure("a command's limit was made by `RecipientLimit`")
        }
        return limit
    }

    /// A command that left no record: its credit goes back at once.
    mutating func returnCredit(of command: Command) {
        outbox.returnCredits(command.credits, command.byteCount, door: command.order.door)
    }

    /// A message's credit, or an act's, goes back when its batch is synced: that bounds the bytes on their way to the journal. While senders must wait for
    /// a checkpoint, it goes back later still.
    private mutating func returnCreditWithBatch(of command: Command) {
        let door = command.order.door
        batches.open.credits[door] += command.credits
        batches.open.creditBytes[door] += command.byteCount
    }
}
