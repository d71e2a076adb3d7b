/// The first byte of every frame (SPEC 3.1, REQ-FRAME-2).
package enum FrameKind {
    /// `PING`: a heartbeat.
    package static let ping: UInt8 = 0x01
    /// `HELLO`: opens with a token.
    package static let hello: UInt8 = 0x10
    /// `RESUME`: opens with a ticket.
    package static let resume: UInt8 = 0x11
    /// `AUTHENTICATE`: a new token.
    package static let authenticate: UInt8 = 0x12
    /// `CLOSE`: the client closes.
    package static let close: UInt8 = 0x13
    /// `ACK`: what is safe with the client.
    package static let acknowledge: UInt8 = 0x14
    /// `CREDIT`: the window.
    package static let credit: UInt8 = 0x15
    /// `LOOKUP`: who is in a conversation?
    package static let lookup: UInt8 = 0x16
    /// `PACE`: how far apart frames may be.
    package static let pace: UInt8 = 0x17
    /// `SEND_TO`: a message to a user by name.
    package static let sendTo: UInt8 = 0x18
    /// `SEND_HEADED`: a message with a head, in a conversation.
    package static let sendHeaded: UInt8 = 0x1A
    /// `SEND_TO_HEADED`: a message with a head, to a user by name.
    package static let sendToHeaded: UInt8 = 0x1B
    /// `OPERATION`: numbered like a message.
    package static let operation: UInt8 = 0x1C
    /// `QUESTION`: answered by `ANSWER`.
    package static let question: UInt8 = 0x1D
    /// 0x20 to 0x2F: the low four bits are the kind of the message.
    package static let send: UInt8 = 0x20

    /// `PONG`: the answer to `PING`.
    package static let pong: UInt8 = 0x02
    /// `WELCOME`: the session is open.
    package static let welcome: UInt8 = 0x40
    /// `TICKET`: for the next `RESUME`.
    package static let ticket: UInt8 = 0x41
    /// `SENT`: stored up to here.
    package static let sent: UInt8 = 0x42
    /// `REFUSED`: one message was not stored.
    package static let refused: UInt8 = 0x43
    /// `DELIVER`: messages of the stream.
    package static let deliver: UInt8 = 0x44
    /// `GAP`: messages that will not come.
    package static let gap: UInt8 = 0x45
    /// `SKIP`: the stream goes on further up.
    package static let skip: UInt8 = 0x46
    /// `CONVERSATION`: its number and peer.
    package static let conversation: UInt8 = 0x47
    /// `GO_AWAY`: the gateway will close soon.
    package static let goAway: UInt8 = 0x48
    /// `CLOSED`: the gateway closes, and why.
    package static let closed: UInt8 = 0x49
    /// `TOKEN_EXPIRING`: a fresh token is wanted.
    package static let tokenExpiring: UInt8 = 0x4A
    /// `AUTHENTICATED`: the fresh token is good.
    package static let authenticated: UInt8 = 0x4B
    /// `PREVIOUS`: what is known of the presented session.
    package static let previous: UInt8 = 0x4C

    /// `ANSWER`: to a `QUESTION`.
    package static let answer: UInt8 = 0x4D
    /// `STATE`: what isn't a message. With bit 7, because a client may not know it.
    package static let state: UInt8 = 0xD0

    /// 0x00 to 0x0F and 0x80 to 0x8F: the kind is the whole frame.
    @inlinable package static func isSingleByte(_ kind: UInt8) -> Bool { kind & 0x70 == 0 }

    /// Bit 7: a receiver that doesn't know the kind skips the frame (REQ-FRAME-4).
    @inlinable package static func isOptional(_ kind: UInt8) -> Bool { kind & 0x80 != 0 }

    /// Whether version 1 defines the kind for the direction from client to gateway.
    @inlinable package static func isKnownToGateway(_ kind: UInt8) -> Bool {
        kind == ping || (kind >= hello && kind <= sendTo) || (kind >= sendHeaded && kind <= question) || kind & 0xF0 == send
    }

    /// Whether version 1 defines the kind for the direction from gateway to client.
    @inlinable package static func isKnownToClient(_ kind: UInt8) -> Bool {
        kind == pong || (kind >= welcome && kind <= answer) || kind == state
    }
}
