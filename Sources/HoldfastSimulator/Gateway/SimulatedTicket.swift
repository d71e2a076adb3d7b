import HoldfastConnection
import HoldfastCore
import HoldfastWire

/// A ticket sealed by a checksum in place of a cipher: nobody forges here, and OpenSSL has no seed.
enum SimulatedTicket {
    static func seal(_ ticket: Ticket, _ keys: TicketKeys) -> [UInt8] {
        guard let key = keys.generations.last else { preconditionFailure("there is always a ticket key") }
        let plain = ticket.plainBytes
        return [UInt8(key.id >> 8), UInt8(truncatingIfNeeded: key.id)] + plain + tag(plain, key.secret)
    }

    static func open(_ sealed: Span<UInt8>, _ keys: TicketKeys) throws(TicketError) -> Ticket {
        var bytes: [UInt8] = []
        bytes.append(copying: sealed)
        guard bytes.count == 2 + Ticket.plainByteCount + 4 else { throw .invalid }
        let id = UInt16(bytes[0]) << 8 | UInt16(bytes[1])
        let plain = Array(bytes[2..<2 + Ticket.plainByteCount])
        guard let key = keys.generations.last(where: { $0.id == id }), tag(plain, key.secret) == Array(bytes.suffix(4)) else {
            throw .invalid
        }
        return Ticket(plainBytes: plain)
    }

    private static func tag(_ plain: [UInt8], _ secret: [UInt8]) -> [UInt8] {
        let all = secret + plain
        let checksum = CRC32C.checksum(all.span, 0..<all.count)
        return (0..<4).map { UInt8(truncatingIfNeeded: checksum >> UInt32(24 - 8 * $0)) }
    }
}

/// A token as text: what a JWT says, without its signature.
enum SimulatedToken {
    /// - Parameter limit: whom the user may write to; nil: everybody.
    static func text(user: String, device: String, issuedAt: UInt64, expires: UInt64, limit: RecipientLimit?) -> [UInt8] {
        Array("\(user) \(device) \(issuedAt) \(expires)\(limit.map { " to:" + $0.names.joined(separator: ",") } ?? "")".utf8)
    }

    static func check(_ token: [UInt8], wallSeconds: UInt64) -> Result<CheckedToken, CloseCode> {
        let words = String(decoding: token, as: UTF8.self).split(separator: " ")
        guard words.count == 4 || words.count == 5, let issuedAt = UInt32(words[2]), let expires = UInt64(words[3]) else {
            return .failure(.tokenInvalid)
        }
        guard expires > wallSeconds else { return .failure(.tokenExpired) }
        var limit: RecipientLimit?
        if words.count == 5 {
            limit = RecipientLimit(words[4].dropFirst("to:".count).split(separator: ",").map(String.init))
            guard limit != nil else { return .failure(.tokenInvalid) }
        }
        return .success(
            CheckedToken(
                user: Array(words[0].utf8), device: Array(words[1].utf8), isService: false, to: limit, issuedAt: issuedAt, expires: expires)
        )
    }
}
