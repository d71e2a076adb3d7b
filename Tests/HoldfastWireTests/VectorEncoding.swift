import HoldfastWire

/// Writes the frame that a vector's kind and fields describe.
enum VectorEncoding {
    static func encode(_ kind: String, _ fields: Field) throws -> [UInt8] {
        var out: [UInt8] = []
        if try !encodeClient(kind, fields, &out) && !encodeServer(kind, fields, &out) && !encodeStream(kind, fields, &out) {
            throw VectorError("no frame is called \(kind)")
        }
        return out
    }

    private static func encodeClient(_ kind: String, _ f: Field, _ out: inout [UInt8]) throws -> Bool {
        switch kind {
        case "PING": ClientFrameWriter.ping(to: &out)
        case "HELLO":
            let token = try f["token"].bytes()
            let device = try f["device"].bytes()
            let user = try f["user"].bytes()
            let state = try f.optional("state").map { try presented($0, session: $0["session"].integer()) }
            ClientFrameWriter.hello(
                isSendOnly: try f["isSendOnly"].bool(), token: token.span, device: device.span, user: user.span, state: state,
                capabilities: try capabilities(f), to: &out)
        case "RESUME":
            let ticket = try f["ticket"].bytes()
            ClientFrameWriter.resume(ticket: ticket.span, state: try presented(f, session: 0), to: &out)
        case "AUTHENTICATE":
            let token = try f["token"].bytes()
            ClientFrameWriter.authenticate(token: token.span, to: &out)
        case "CLOSE": ClientFrameWriter.close(try f["intent"].named(), to: &out)
        case "ACK": ClientFrameWriter.acknowledge(try f["position"].position(), to: &out)
        case "CREDIT": ClientFrameWriter.credit(messages: try f["messages"].integer(), bytes: try f["bytes"].integer(), to: &out)
        case "LOOKUP": ClientFrameWriter.lookup(try f["conversation"].conversation(), to: &out)
        case "PACE": ClientFrameWriter.pace(seconds: try f["seconds"].integer(), to: &out)
        case "SEND":
            let body = try f["body"].bytes()
            ClientFrameWriter.send(
                try f["sequence"].sequence(), kind: try f["kind"].named(), conversation: try f["conversation"].conversation(),
                body: body.span, to: &out)
        case "SEND_TO":
            let user = try f["user"].bytes()
            let body = try f["body"].bytes()
            ClientFrameWriter.sendTo(
                try f["sequence"].sequence(), kind: try f["kind"].named(), user: user.span, body: body.span, to: &out)
        case "OPERATION":
            let fields = try taggedFields(f["fields"])
            ClientFrameWriter.operation(try f["sequence"].sequence(), kind: try f["kind"].integer(), fields: fields.span, to: &out)
        case "QUESTION":
            let fields = try taggedFields(f["fields"])
            ClientFrameWriter.question(request: try f["request"].integer(), kind: try f["kind"].integer(), fields: fields.span, to: &out)
        case "SEND_HEADED":
            let (head, body) = (try Head(f["head"]), try f["body"].bytes())
            ClientFrameWriter.sendHeaded(
                try f["sequence"].sequence(), kind: try f["kind"].named(), conversation: try f["conversation"].conversation(),
                headFlags: head.flags, fields: head.fields.span, body: body.span, to: &out)
        case "SEND_TO_HEADED":
            let (head, user, body) = (try Head(f["head"]), try f["user"].bytes(), try f["body"].bytes())
            ClientFrameWriter.sendToHeaded(
                try f["sequence"].sequence(), kind: try f["kind"].named(), user: user.span, headFlags: head.flags,
                fields: head.fields.span, body: body.span, to: &out)
        default: return false
        }
        return true
    }

    /// A head of the vectors: its flags, and its fields as they are on the wire.
    private struct Head {
        var flags: UInt64
        var fields: [UInt8]
        init(_ f: Field) throws {
            flags = try f["flags"].integer()
            fields = try VectorEncoding.taggedFields(f["fields"])
        }
    }

    private static func taggedFields(_ f: Field) throws -> [UInt8] {
        var out: [UInt8] = []
        for field in try f.list() {
            let value = try field["value"].bytes()
            let tag: UInt64 = try field["tag"].integer()
            out.appendFields { out in
                out.append(varint: tag)
                out.append(varint: UInt64(value.count))
            }
            out += value
        }
        return out
    }

    private static func encodeServer(_ kind: String, _ f: Field, _ out: inout [UInt8]) throws -> Bool {
        switch kind {
        case "PONG": ServerFrameWriter.pong(to: &out)
        case "WELCOME": ServerFrameWriter.welcome(try welcome(f), to: &out)
        case "TICKET":
            let ticket = try f["ticket"].bytes()
            ServerFrameWriter.ticket(expiresIn: try f["expiresIn"].integer(), ticket.span, to: &out)
        case "SENT": ServerFrameWriter.sent(through: try f["through"].sequence(), position: try f["position"].position(), to: &out)
        case "REFUSED":
            ServerFrameWriter.refused(
                try f["sequence"].sequence(), try f["code"].named(), retryAfterMilliseconds: try f["retryAfterMilliseconds"].integer(),
                to: &out)
        case "CONVERSATION":
            let peer = try f["peer"].bytes()
            ServerFrameWriter.conversation(
                try f["conversation"].conversation(), try f["type"].named(), peer: peer.span, to: &out)
        case "GO_AWAY":
            let address = try f["address"].bytes()
            ServerFrameWriter.goAway(
                delayMilliseconds: try f["delayMilliseconds"].integer(), address: address.span, to: &out)
        case "CLOSED":
            let text = try f["text"].bytes()
            ServerFrameWriter.closed(
                try f["code"].named(), retryAfterMilliseconds: try f["retryAfterMilliseconds"].integer(), text: text.span,
                to: &out)
        case "TOKEN_EXPIRING": ServerFrameWriter.tokenExpiring(seconds: try f["seconds"].integer(), to: &out)
        case "AUTHENTICATED": ServerFrameWriter.authenticated(expiresIn: try f["expiresIn"].integer(), to: &out)
        case "ANSWER":
            let fields = try taggedFields(f["fields"])
            ServerFrameWriter.answer(request: try f["request"].integer(), try f["status"].named(), fields: fields.span, to: &out)
        case "STATE":
            let fields = try taggedFields(f["fields"])
            ServerFrameWriter.state(kind: try f["kind"].integer(), fields: fields.span, to: &out)
        case "PREVIOUS":
            let last = try f["lastSequence"]
            ServerFrameWriter.previous(
                SessionID(rawValue: try f["session"].integer()), lastSequence: last == .null ? nil : try last.sequence(), to: &out)
        default: return false
        }
        return true
    }

    private static func encodeStream(_ kind: String, _ f: Field, _ out: inout [UInt8]) throws -> Bool {
        switch kind {
        case "DELIVER": try encodeDeliver(f, &out)
        case "GAP":
            ServerFrameWriter.gap(
                predecessor: try f["predecessor"].position(), through: try f["through"].position(), count: try f["count"].integer(),
                reason: try f["reason"].named(), to: &out)
        case "SKIP":
            ServerFrameWriter.skip(predecessor: try f["predecessor"].position(), through: try f["through"].position(), to: &out)
        default: return false
        }
        return true
    }

    private static func encodeDeliver(_ f: Field, _ out: inout [UInt8]) throws {
        let entries = try f["entries"].list()
        guard let first = entries.first else { throw VectorError("a DELIVER without entries") }
        // The estimate is far off on purpose: the result must not depend on it.
        var writer = DeliverWriter(
            predecessor: try f["predecessor"].position(), first: try first["position"].position(),
            conversation: try f["conversation"].conversation(), timeOffset: try first["timeOffset"].integer(), entries: 1,
            bodyBytes: 20_000,
            to: &out)
        for (index, entry) in entries.enumerated() {
            let body = try entry["body"].bytes()
            if let head = try entry.optional("head").map(Head.init) {
                writer.entry(
                    position: try entry["position"].position(), timeOffset: try entry["timeOffset"].integer(),
                    kind: try entry["kind"].named(), isOwn: try entry["own"].bool(), isLast: index == entries.count - 1,
                    headFlags: head.flags, fields: head.fields.span, body: body.span, to: &out)
                continue
            }
            writer.entry(
                position: try entry["position"].position(), timeOffset: try entry["timeOffset"].integer(), kind: try entry["kind"].named(),
                isOwn: try entry["own"].bool(), isLast: index == entries.count - 1, body: body.span, to: &out)
        }
        writer.end(to: &out)
    }

    private static func presented(_ f: Field, session: UInt64) throws -> PresentedState {
        PresentedState(
            session: SessionID(rawValue: session), attach: AttachNumber(rawValue: try f["attach"].integer()),
            position: try f["position"].position(), lastSequence: try f["lastSequence"].sequence())
    }

    private static func welcome(_ f: Field) throws -> ServerFrame.Welcome {
        ServerFrame.Welcome(
            outcome: try f["outcome"].named(), session: SessionID(rawValue: try f["session"].integer()),
            attach: AttachNumber(rawValue: try f["attach"].integer()), cursor: try f["cursor"].position(), era: try f["era"].integer(),
            lastSequence: try f["lastSequence"].sequence(), serverTime: try f["serverTime"].integer(),
            heartbeatSecondsMin: try f["heartbeatSecondsMin"].integer(), heartbeatSecondsMax: try f["heartbeatSecondsMax"].integer(),
            frameBytesMax: try f["frameBytesMax"].integer(), sendsInFlightMax: try f["sendsInFlightMax"].integer(),
            creditMessages: try f["creditMessages"].integer(), creditBytes: try f["creditBytes"].integer(),
            capabilities: try capabilities(f))
    }

    private static func capabilities(_ f: Field) throws -> Capabilities {
        Capabilities(rawValue: try f.optional("capabilities")?.integer() ?? 0)
    }
}

extension Field {
    fileprivate func position() throws -> Position { Position(rawValue: try integer()) }
    fileprivate func sequence() throws -> MessageSequence { MessageSequence(rawValue: try integer()) }
    fileprivate func conversation() throws -> ConversationNumber { ConversationNumber(rawValue: try integer()) }

    /// The case of an enumeration by its name.
    func named<Value: CaseIterable>(_ type: Value.Type = Value.self) throws -> Value {
        let name = try text()
        guard let value = Value.allCases.first(where: { "\($0)" == name }) else { throw VectorError("no \(type) is called \(name)") }
        return value
    }
}
