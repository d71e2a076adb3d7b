/// The limits that a decoder enforces before it looks at anything else (SPEC 3.2).
package struct WireLimits: Equatable, Sendable {
    /// The largest payload of a frame: what follows the length.
    package var frameBytesMax: Int

    package init(frameBytesMax: Int) { self.frameBytesMax = frameBytesMax }

    /// In both directions until `WELCOME` has named the limit of the connection.
    package static let beforeWelcome = WireLimits(frameBytesMax: 8 * 1024)
    /// What a gateway allows unless configured otherwise.
    package static let standard = WireLimits(frameBytesMax: 64 * 1024)

    /// No configuration may allow more: a length then takes at most three bytes.
    package static let frameBytesCeiling = 1 << 21 - 1
    /// A body is at most the frame limit minus this, so that its `DELIVER` fits the limit too (REQ-SEND-5).
    package static let bodyReserveBytes = 64
    package static let tokenBytesMax = 4096
    package static let ticketBytesMax = 128
    package static let userBytesMax = 255
    package static let deviceBytesMax = 64
    package static let addressBytesMax = 255
    package static let closeTextBytesMax = 1024
    /// Unanswered sends that a short sequence can tell apart.
    package static let sendsInFlightCeiling: UInt8 = 127
    /// The version of the protocol that this module speaks.
    package static let version: UInt8 = 1
}
