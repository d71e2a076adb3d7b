/// What keeps a user out, by acts of operators. Few users have one: it isn't in the user's row.
package struct UserAccess: Equatable, Sendable {
    package struct Block: Equatable, Sendable {
        /// Seconds since 1970; 0: for ever.
        package var until: UInt32
        /// For operators: at most 255 bytes.
        package var reason: [UInt8]

        /// Whether it holds at a time in milliseconds since 1970.
        package func holds(at time: UInt64) -> Bool { until == 0 || time < UInt64(until) * 1_000 }
    }

    /// Tokens that were issued before this, in seconds since 1970, aren't good, nor those that don't say when; 0: all are.
    package var tokensFrom: UInt32 = 0
    package var block: Block?

    package init(tokensFrom: UInt32 = 0, block: Block? = nil) {
        self.tokensFrom = tokensFrom
        self.block = block
    }

    static let none = UserAccess()

    /// What an act makes of it.
    package mutating func apply(_ act: Act) {
        switch act {
        case .revokeTokens(let before): tokensFrom = max(tokensFrom, before)
        case .block(let until, let reason): block = Block(until: until, reason: reason)
        case .unblock: block = nil
        case .revokeSession, .revokeDevice, .disconnect, .disconnectSession: break
        }
    }
}

extension UserAccess {
    /// tokensFrom u32 | is blocked u8 | until u32, reason
    func encode(into bytes: inout [UInt8]) {
        bytes.append(bigEndian: tokensFrom)
        bytes.append(block == nil ? 0 : 1)
        guard let block else { return }
        bytes.append(bigEndian: block.until)
        bytes.append(text: block.reason)
    }

    @_lifetime(reader: copy reader)
    init?(decoding reader: inout ByteReader) {
        guard let tokensFrom = reader.integer(UInt32.self), let isBlocked = reader.integer(UInt8.self) else { return nil }
        self.init(tokensFrom: tokensFrom)
        guard isBlocked != 0 else { return }
        guard let until = reader.integer(UInt32.self), let reason = reader.text() else { return nil }
        block = Block(until: until, reason: reason)
    }
}
