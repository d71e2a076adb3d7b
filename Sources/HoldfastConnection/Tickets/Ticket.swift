package import HoldfastWire

/// What a ticket says: which session it opens, until when, and what the session may do. Names aren't in it.
package struct Ticket: Equatable, Sendable {
    package struct Flags: OptionSet, Hashable, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }
        package static let sendOnly = Flags(rawValue: 1)
        package static let service = Flags(rawValue: 2)

        /// The bits that are left hold what the client's `HELLO` announced, so that its `RESUME` repeats nothing (REQ-CAP-2).
        package init(announced capabilities: Capabilities) { rawValue = UInt8(truncatingIfNeeded: capabilities.rawValue << 2) }
        package var announced: Capabilities { Capabilities(rawValue: UInt64(rawValue >> 2)) }
        /// Capabilities above don't fit: one with such a bit needs a wider ticket before it is defined.
        package static let announcedMax = Capabilities(rawValue: 0x3F)
    }

    package var session: SessionID
    /// Seconds since 1970.
    package var expires: UInt32
    package var flags: Flags

    package init(session: SessionID, expires: UInt32, flags: Flags) {
        self.session = session
        self.expires = expires
        self.flags = flags
    }

    /// A ticket is good until it expires; and one that ends later than any that is given out now was sealed while the clock was ahead: it
    /// would be good for as long as that. (A shorter `ticketDays` ends longer tickets in the same way.)
    /// - Parameter now: seconds since 1970.
    package func requireGood(now: UInt64, lifetimeSeconds: UInt32) throws(TicketError) {
        guard UInt64(expires) > now, UInt64(expires) <= now + UInt64(lifetimeSeconds) + Self.clockSeconds else { throw .expired }
    }

    /// A clock that was ahead by less and was set right ends no ticket.
    private static let clockSeconds: UInt64 = 86_400

    /// Layout of a sealed ticket: key id u16 | nonce 12 | AES-256-GCM(expires u32, session u64, flags u8) | tag 16; integers are big-endian,
    /// the key id is authenticated too.
    package static let sealedByteCount = 2 + 12 + plainByteCount + 16
    package static let plainByteCount = 13

    /// What is sealed.
    package var plainBytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.plainByteCount)
        for shift in stride(from: 24, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: expires >> UInt32(shift))) }
        for shift in stride(from: 56, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: session.rawValue >> UInt64(shift))) }
        bytes.append(flags.rawValue)
        return bytes
    }

    /// - Precondition: `bytes` were sealed by this gateway, so they have the right length.
    package init(plainBytes bytes: [UInt8]) {
        precondition(bytes.count == Self.plainByteCount, "a ticket of our own has another length")
        expires = bytes[0..<4].reduce(0) { $0 << 8 | UInt32($1) }
        session = SessionID(rawValue: bytes[4..<12].reduce(0) { $0 << 8 | UInt64($1) })
        flags = Flags(rawValue: bytes[12])
    }
}

/// Why a ticket opens nothing.
package enum TicketError: Error, Equatable, Sendable {
    /// Not sealed by a key of this gateway, or changed since.
    case invalid
    case expired

    /// What the client is told: to come back with a token.
    package var closeCode: CloseCode {
        switch self {
        case .invalid: .ticketInvalid
        case .expired: .ticketExpired
        }
    }
}
