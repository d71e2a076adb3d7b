internal import HoldfastCore
internal import HoldfastWire

extension ConnectionMachine {
    /// One whole frame; nil is an unknown optional one. Throws the code to close the connection with.
    mutating func handle(
        _ frame: ClientFrame?, _ bytes: Span<UInt8>, limits: ConnectionLimits, intake: inout CommandIntake, out: inout [UInt8]
    ) throws(CloseCode) -> ConnectionAction {
        guard let frame else {
            try takeControlFrames(1)
            return .none
        }
        if state == .open {
            switch frame {
            case .send(let send): return try take(send, limits, &intake, bytes)
            case .sendTo(let send): return try take(send, limits, &intake, bytes)
            // Of a head whose fields may be skipped nothing is kept yet (REQ-HEAD-2).
            case .sendHeaded(let send, let head):
                if head.fields.mustBeUnderstood { return try refuse(send.sequence, limits, &intake, bytes) }
                return try take(send, limits, &intake, bytes)
            case .sendToHeaded(let send, let head):
                if head.fields.mustBeUnderstood { return try refuse(send.sequence, limits, &intake, bytes) }
                return try take(send, limits, &intake, bytes)
            // No kind is defined yet (REQ-OPERATION-2).
            case .operation(let sequence, _, _): return try refuse(sequence, limits, &intake, bytes)
            case .acknowledge(let position):
                // REQ-SESSION-4: a send-only session has no stream.
                if isSendOnly { throw .wrongState }
                return try acknowledge(position, &intake)
            default: return try handleControl(frame, limits: limits, intake: &intake, out: &out)
            }
        }
        // Before WELCOME there is no session that anything else could mean (REQ-OPEN-3).
        guard case .close(.keep) = frame else { throw .wrongState }
        state = .closing
        return .leave
    }

    private mutating func handleControl(
        _ frame: ClientFrame, limits: ConnectionLimits, intake: inout CommandIntake, out: inout [UInt8]
    ) throws(CloseCode) -> ConnectionAction {
        switch frame {
        case .hello, .resume:
            throw .wrongState
        case .close(.keep):
            state = .closing
            return .leave
        case .authenticate(let token):
            guard !flags.contains(.reauthenticating) else { throw .wrongState }
            try takeControlFrames(Self.authenticateCost)
            flags.insert(.reauthenticating)
            return .verifyFreshToken(token)
        case .pace(let seconds):
            try takeControlFrames(1)
            paceSeconds = min(seconds, limits.paceSecondsMax)
            // A deadline that is already set may be too late for a shorter pace.
            return .setDeadline(milliseconds: limits.silenceMillisecondsMax(paceSeconds: paceSeconds))
        case .close(.logout):
            guard intake.hasRoom(for: 0) else { return .pauseReading }
            intake.add(.logout(origin))
            state = .leaving
        case .credit(let messages, let bytes):
            if isSendOnly { throw .wrongState }
            guard messages <= limits.creditMessages, bytes <= limits.creditBytes else { throw .creditOverflow }
            guard intake.hasRoom(for: 0) else { return .pauseReading }
            try takeControlFrames(1)
            intake.add(.credit(origin, messages: messages, bytes: bytes))
        case .lookup(let conversation):
            guard intake.hasRoom(for: 0) else { return .pauseReading }
            try takeControlFrames(1)
            intake.add(.lookup(origin, conversation))
        case .question(let request, _, _):
            try takeControlFrames(1)
            // No kind is defined yet (REQ-ASK-2).
            let fields: [UInt8] = []
            ServerFrameWriter.answer(request: request, .unsupported, fields: fields.span, to: &out)
        case .ping, .send, .sendTo, .sendHeaded, .sendToHeaded, .operation, .acknowledge:
            preconditionFailure("handled before")
        }
        return .none
    }

    /// The check of a signature, a command and a new ticket cost as much as so many other frames.
    private static let authenticateCost = 20

    @inline(__always)
    private mutating func take(
        _ send: ClientFrame.SendFrame, _ limits: ConnectionLimits, _ intake: inout CommandIntake, _ bytes: Span<UInt8>
    ) throws(CloseCode) -> ConnectionAction {
        try add(send.sequence, limits, &intake, bytes, send.body, and: nil) {
            (origin, sequence, body, _) in .send(origin, sequence, send.kind, send.conversation, body: body)
        }
    }

    @inline(__always)
    private mutating func take(
        _ send: ClientFrame.SendToFrame, _ limits: ConnectionLimits, _ intake: inout CommandIntake, _ bytes: Span<UInt8>
    ) throws(CloseCode) -> ConnectionAction {
        try add(send.sequence, limits, &intake, bytes, send.body, and: send.user) {
            (origin, sequence, body, user) in .sendTo(origin, sequence, send.kind, user: user, body: body)
        }
    }

    /// A number whose frame asks for what isn't understood here. Only the core can refuse it: in its turn, throwing away what follows, and with
    /// the attach that rises (REQ-SEQ-5, REQ-ATTACH-9). So it gets a message to conversation 0, which is nobody's; `refused` tells the
    /// client the true reason.
    private mutating func refuse(
        _ short: ShortSequence, _ limits: ConnectionLimits, _ intake: inout CommandIntake, _ bytes: Span<UInt8>
    ) throws(CloseCode) -> ConnectionAction {
        let action = try add(short, limits, &intake, bytes, 0..<0, and: nil) {
            (origin, sequence, body, _) in .send(origin, sequence, .event, ConversationNumber(rawValue: 0), body: body)
        }
        // Of several, the core refuses the first and throws the others away. One that was answered already is answered by `SENT` again.
        let isNew = action == .none && lastSequence > answered && short == ShortSequence(lastSequence)
        if isNew && flags.insert(.notUnderstood).inserted { notUnderstood = short }
        return action
    }

    /// A message: its sequence in full, its body (and the user's name) into the batch.
    @inline(__always)
    private mutating func add(
        _ short: ShortSequence, _ limits: ConnectionLimits, _ intake: inout CommandIntake, _ bytes: Span<UInt8>, _ body: ByteRange,
        and user: ByteRange?, _ command: (Origin, MessageSequence, ByteRange, ByteRange) -> Command
    ) throws(CloseCode) -> ConnectionAction {
        let byteCount = body.count + (user?.count ?? 0)
        guard intake.hasRoom(for: byteCount) else { return .pauseReading }
        let sequence = short.expanded(near: MessageSequence(rawValue: lastSequence.rawValue + 1))
        guard sequence > .none else { throw .sequenceHole }
        if sequence.rawValue > answered.rawValue + UInt64(limits.sendsInFlightMax) {
            throw sequence.rawValue == lastSequence.rawValue + 1 ? .sendsInFlightExceeded : .sequenceHole
        }
        // A repeated message is cheap for the client and not for the gateway. One that was refused comes again once for each refusal, with
        // what follows it (REQ-SEQ-6): that is no repeat.
        if sequence <= lastSequence && flags.remove(.refused) == nil { flags.insert(.repeating) }
        if sequence <= answered || flags.contains(.repeating) { try takeControlFrames(1) }
        // One that was answered for is no sign of where the client is: a short sequence behind it would be read a whole turn too low.
        if sequence > answered { lastSequence = sequence }
        let copiedUser = user.map { intake.copy(bytes, $0) } ?? 0..<0
        intake.add(command(origin, sequence, intake.copy(bytes, body), copiedUser), byteCount: byteCount)
        intake.countMessage(body.count)
        return .none
    }

    private mutating func acknowledge(_ short: ShortPosition, _ intake: inout CommandIntake) throws(CloseCode) -> ConnectionAction {
        // After a step of 2^40 or more this may be lower than what is meant, which then still passes; the core, which knows what is
        // outstanding, resolves it from the other side (REQ-STREAM-8).
        let position = short.expanded(from: acknowledged)
        guard position <= sent else { throw .acknowledgementBeyond }
        if position == acknowledged {
            try takeControlFrames(1)
            return .none
        }
        guard intake.hasRoom(for: 0) else { return .pauseReading }
        acknowledged = position
        intake.add(.acknowledge(origin, short))
        return .none
    }

    mutating func takeControlFrames(_ count: Int) throws(CloseCode) {
        guard rate.take(frames: count) else { throw .rateLimited }
    }
}
