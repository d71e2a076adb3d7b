/// What machines are told once and share.
package final class ClientSettings: Sendable {
    package let device: [UInt8]
    /// The user whose token must be the one that is shown; empty: whichever it is of (REQ-OPEN-8).
    package let user: [UInt8]
    package let isSendOnly: Bool
    /// Records are to be persisted; false: the machine's state lives and dies with it, and it asks for nothing of the kind.
    package let isPersistent: Bool
    /// The machine acknowledges what it hands over by itself, and keeps no list of it.
    package let acknowledgesOnReceipt: Bool
    /// The peer of each conversation is looked up before its messages are handed over.
    package let resolvesPeers: Bool
    /// The connection's TLS name is verified: only then is another address of `GO_AWAY` obeyed.
    package let obeysAddresses: Bool
    package let limits: Limits

    /// Bounds and times; all of them are enforced by the machine.
    package struct Limits: Sendable {
        package var outboxMessagesMax = 10_000
        package var outboxBytesMax = 64 << 20
        package var conversationsMax = 4_096
        package var sendsInFlightMax: UInt8 = 127
        /// Bodies of unanswered sends; one more is let through when below.
        package var bytesInFlightMax = 256 << 10
        package var creditMessagesMax: UInt32?
        package var creditBytesMax: UInt32?
        package var acknowledgeAfterMessages: UInt32 = 64
        package var acknowledgeAfterBytes: UInt32 = 256 << 10
        package var acknowledgementDelayMilliseconds: UInt32 = 2_000
        package var connectTimeoutMilliseconds: UInt32 = 15_000
        package var replyTimeoutMilliseconds: UInt32 = 10_000
        /// A send that isn't answered for so long is followed by a heartbeat, to find out whether the connection is alive.
        package var probeAfterMilliseconds: UInt32 = 5_000
        /// With the two below: the times of REQ-TIME-7.
        package var backoffBaseMilliseconds: UInt32 = 1_000
        package var backoffMaxMilliseconds: UInt32 = 60_000
        /// A connection that lasted so long ends a series of failed attempts.
        package var stableAfterMilliseconds: UInt32 = 60_000
        package var refusalRetryMilliseconds: UInt32 = 1_000
        package init() {}
    }

    package init(
        device: String, user: String = "", isSendOnly: Bool = false, isPersistent: Bool = false, acknowledgesOnReceipt: Bool = false,
        resolvesPeers: Bool = true, obeysAddresses: Bool = false, limits: Limits = Limits()
    ) {
        self.device = Array(device.utf8)
        self.user = Array(user.utf8)
        self.isSendOnly = isSendOnly
        self.isPersistent = isPersistent
        self.acknowledgesOnReceipt = acknowledgesOnReceipt
        self.resolvesPeers = resolvesPeers
        self.obeysAddresses = obeysAddresses
        self.limits = limits
    }
}

/// What a machine is told with each event: it never asks a clock or a generator.
package struct ClientNow: Sendable {
    /// Milliseconds from some start; never jumps.
    package var milliseconds: UInt64
    /// A new random number for each event.
    package var random: UInt64
    package init(milliseconds: UInt64, random: UInt64) {
        self.milliseconds = milliseconds
        self.random = random
    }
}
