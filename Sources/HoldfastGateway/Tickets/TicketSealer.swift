package import HoldfastConnection
internal import HoldfastIO
internal import HoldfastWire

/// Seals and opens tickets; confined to one thread, each event loop has its own.
///
/// Whether a ticket is genuine is decided by AES-GCM's tag alone, in constant time; nothing of it is looked at before.
package final class TicketSealer {
    private struct Key {
        var id: UInt16
        var cipher: AESGCM
    }

    /// The newest last: it seals.
    private var keys: [Key] = []
    private var nonces = NonceSource()

    package init(_ keys: TicketKeys) { replaceKeys(keys) }

    /// New tickets are sealed with the newest key; those of older keys are still opened.
    package func replaceKeys(_ keys: TicketKeys) {
        self.keys = keys.generations.map { Key(id: $0.id, cipher: AESGCM(key: $0.secret.span)) }
    }

    /// The ticket as it is sent.
    package func seal(_ ticket: Ticket) -> [UInt8] {
        guard let key = keys.last else { preconditionFailure("there is always a ticket key") }
        // Random nonces are safe for 2^32 tickets of one key; a new one is made daily.
        let nonce = nonces.next()
        let id = Self.bytes(of: key.id)
        var sealed: [UInt8] = []
        sealed.reserveCapacity(Ticket.sealedByteCount)
        sealed.append(copying: id.span)
        sealed.append(copying: nonce.span)
        key.cipher.seal(ticket.plainBytes.span, nonce: nonce.span, associatedData: id.span, to: &sealed)
        return sealed
    }

    /// What `sealed` says, if it is genuine; whether its time is over is the caller's to ask.
    package func open(_ sealed: Span<UInt8>) throws(TicketError) -> Ticket {
        guard sealed.count == Ticket.sealedByteCount else { throw .invalid }
        let id = UInt16(sealed[0]) << 8 | UInt16(sealed[1])
        guard let key = keys.last(where: { $0.id == id }) else { throw .invalid }
        let plain = key.cipher.open(
            sealed.extracting(14..<sealed.count), nonce: sealed.extracting(2..<14), associatedData: sealed.extracting(0..<2))
        guard let plain else { throw .invalid }
        return Ticket(plainBytes: plain)
    }

    private static func bytes(of id: UInt16) -> InlineArray<2, UInt8> { [UInt8(id >> 8), UInt8(truncatingIfNeeded: id)] }
}
