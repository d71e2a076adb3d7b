/// The first byte of every frame (SPEC 3.1, REQ-FRAME-1 to REQ-FRAME-6).
package enum FrameKind {
    package static let ping: UInt8 = 0x01
    package static let hello: UInt8 = 0x10
    package static let resume: UInt8 = 0x11
    package static let authenticate: UInt8 = 0x12
    package static let close: UInt8 = 0x13
    package static let acknowledge: UInt8 = 0x14
    package static let credit: UInt8 = 0x15
    package static let lookup: UInt8 = 0x16
    package static let pace: UInt8 = 0x17
    package static let sendTo: UInt8 = 0x18
    /// 0x20 to 0x2F: the low four bits are the kind of the message.
    package static let send: UInt8 = 0x20

    package static let pong: UInt8 = 0x02
    package static let welcome: UInt8 = 0x40
    package static let ticket: UInt8 = 0x41
    package static let sent: UInt8 = 0x42
    package static let refused: UInt8 = 0x43
    package static let deliver: UInt8 = 0x44
    package static let gap: UInt8 = 0x45
    package static let skip: UInt8 = 0x46
    package static let conversation: UInt8 = 0x47
    package static let goAway: UInt8 = 0x48
    package static let closed: UInt8 = 0x49
    package static let tokenExpiring: UInt8 = 0x4A
    package static let authenticated: UInt8 = 0x4B
    package static let previous: UInt8 = 0x4C

    /// 0x00 to 0x0F and 0x80 to 0x8F: the kind is the whole frame.
    @inlinable package static func isSingleByte(_ kind: UInt8) -> Bool { kind & 0x70 == 0 }

    /// Bit 7: a receiver that doesn't know the kind skips the frame.
    @inlinable package static func isOptional(_ kind: UInt8) -> Bool { kind & 0x80 != 0 }

    /// Whether version 1 defines the kind for the direction from client to gateway.
    @inlinable package static func isKnownToGateway(_ kind: UInt8) -> Bool {
        kind == ping || (kind >= hello && kind <= sendTo) || kind & 0xF0 == send
    }

    /// Whether version 1 defines the kind for the direction from gateway to client.
    @inlinable package static func isKnownToClient(_ kind: UInt8) -> Bool {
        kind == pong || (kind >= welcome && kind <= previous)
    }
}
