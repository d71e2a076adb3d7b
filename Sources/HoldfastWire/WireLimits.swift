/// The limits that a decoder enforces before it looks at anything else (SPEC 3.2).
package struct WireLimits: Equatable, Sendable {
    /// The largest payload of a frame: what follows the length.
    package var frameBytesMax: Int

    /// Other limits are fixed.
    package init(frameBytesMax: Int) { self.frameBytesMax = frameBytesMax }

    /// In both directions until `WELCOME` has named the limit of the connection.
    package static let beforeWelcome = WireLimits(frameBytesMax: 8 * 1024)
    /// What a gateway allows unless configured otherwise.
    package static let standard = WireLimits(frameBytesMax: 64 * 1024)

    /// No configuration may allow more: a length then takes at most three bytes.
    package static let frameBytesCeiling = 1 << 21 - 1
    /// A body is at most the frame limit minus this, so that its `DELIVER` fits the limit too (REQ-SEND-5).
    package static let bodyReserveBytes = 64
    /// Of a token.
    package static let tokenBytesMax = 4096
    /// Of a ticket.
    package static let ticketBytesMax = 128
    /// Of a user's name.
    package static let userBytesMax = 255
    /// Of a device's name.
    package static let deviceBytesMax = 64
    /// Whether a text can be a user's or a device's name: 1 to so many bytes, none of them 0 (SPEC 2.3). The bytes are looked at where they
    /// lie: this is asked for each message to a user.
    package static func isName(_ text: String, bytesMax: Int) -> Bool {
        guard 1...bytesMax ~= text.utf8.count else { return false }
        return !(unsafe text.utf8.withContiguousStorageIfAvailable { unsafe $0.contains(0) } ?? text.utf8.contains(0))
    }
    /// Of a message's head, without its length.
    package static let headBytesMax = 255
    /// Of the address in `GO_AWAY`.
    package static let addressBytesMax = 255
    /// Of the text in `CLOSED`.
    package static let closeTextBytesMax = 1024
    /// Unanswered sends that a short sequence can tell apart.
    package static let sendsInFlightCeiling: UInt8 = 127
    /// The longest heartbeat interval that `WELCOME` can ask for: a day.
    package static let heartbeatSecondsCeiling: UInt32 = 86_400
    /// The longest time that a gateway can tell a client to stay away, in `retryAfter` and in `GO_AWAY`: an hour (REQ-TIME-11).
    package static let delayMillisecondsCeiling: UInt32 = 3_600_000
    /// The version of the protocol that this module speaks.
    package static let version: UInt8 = 1
}
