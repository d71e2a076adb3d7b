import HoldfastWire

/// An act as a port hands it over: a plain value, whose texts are ranges of the batch's `bytes`.
package struct ActCommand: Sendable {
    private let kind: Act.Kind
    private let isProcess: Bool
    private let number: UInt32
    private let session: SessionID
    private let uid, pid: UInt32
    private let userRange, textRange, subjectRange, requestRange: HalfRange

    /// The name of the user whom it concerns; empty: the session says who.
    var user: ByteRange { userRange.range }
    /// The name of the device whose session it ends; empty: it names none.
    var device: ByteRange { kind == .revokeDevice ? textRange.range : 0..<0 }
    var byteCount: Int { user.count + textRange.range.count + subjectRange.range.count + requestRange.range.count }

    /// The user that the session belongs to; nil: it names none.
    var sessionUser: UInt64? {
        switch kind {
        case .revokeSession, .disconnectSession: session.userNumber
        case .revokeDevice, .revokeTokens, .block, .unblock, .disconnect: nil
        }
    }

    fileprivate init(_ act: Act, by actor: Actor, user: ByteRange, text: ByteRange, subject: ByteRange, requestID: ByteRange) {
        kind = act.kind
        number = act.fields.number
        session = act.fields.session
        switch actor {
        case .token: (isProcess, uid, pid) = (false, 0, 0)
        case .process(let uid, let pid): (isProcess, self.uid, self.pid) = (true, uid, pid)
        }
        userRange = HalfRange(user)
        textRange = HalfRange(text)
        subjectRange = HalfRange(subject)
        requestRange = HalfRange(requestID)
    }

    func act(_ bytes: [UInt8]) -> Act { Act(kind, .init(session: session, number: number, text: [UInt8](bytes[textRange.range]))) }

    func actor(_ bytes: [UInt8]) -> Actor {
        isProcess ? .process(uid: uid, pid: pid) : .token([UInt8](bytes[subjectRange.range]))
    }

    func requestID(_ bytes: [UInt8]) -> [UInt8] { [UInt8](bytes[requestRange.range]) }
}

extension CommandBatch {
    /// Adds the texts of an act.
    /// - Parameters:
    ///   - user: the name; empty for an act on a session, whose number says who it is.
    ///   - requestID: at most 255 bytes.
    package mutating func append(_ act: Act, on user: [UInt8], by actor: Actor, requestID: [UInt8]) -> ActCommand {
        var subject: [UInt8] = []
        if case .token(let name) = actor { subject = name }
        return ActCommand(
            act, by: actor, user: append(user), text: append(act.fields.text), subject: append(subject), requestID: append(requestID))
    }
}
