/// Reads the messages of a `DELIVER` one by one (SPEC 3.5).
package struct DeliverEntries: Sendable {
    /// Bits of an entry's tag; the low four are the kind, the highest one is reserved.
    package static let ownBit: UInt8 = 0x10
    /// The body is the rest of the payload (REQ-SEND-6).
    package static let lastBit: UInt8 = 0x20
    /// A head stands in front of the body.
    package static let headBit: UInt8 = 0x40
    /// Must be 0 in version 1.
    package static let reservedBits: UInt8 = 0x80

    /// What is left of the payload.
    package var fields: FieldReader
    /// Of the entry before; at first, of the first one.
    package var position: ShortPosition
    /// Likewise.
    package var timeOffset: Int64
    /// No entry was read yet.
    package var isFirst = true
    /// The last one was read.
    package var isAfterLast = false

    /// Begins with the first entry.
    @inlinable package init(_ deliver: ServerFrame.Deliver) {
        fields = FieldReader(deliver.entries)
        position = deliver.first
        timeOffset = deliver.timeOffset
    }

    /// The next message, nil after the last. `bytes` is what the frame was decoded from. After a failure nothing more may be read.
    @inlinable package mutating func next(in bytes: Span<UInt8>) throws(CloseCode) -> DeliverEntry? {
        if isAfterLast { return nil }
        let tag = try fields.byte(bytes)
        if tag & Self.reservedBits != 0 { throw .reservedBits }
        guard let kind = MessageKind(rawValue: tag & 0x0F) else { throw .reservedBits }
        if !isFirst { try advance(bytes) }
        isFirst = false
        isAfterLast = tag & Self.lastBit != 0
        let head = tag & Self.headBit == 0 ? nil : try fields.head(bytes)
        let body = isAfterLast ? fields.rest() : try fields.counted(bytes)
        return DeliverEntry(
            position: position, timeOffset: timeOffset, kind: kind, isOwn: tag & Self.ownBit != 0, head: head, body: body)
    }

    /// Reads the steps of position and time.
    @inlinable package mutating func advance(_ bytes: Span<UInt8>) throws(CloseCode) {
        let delta = try fields.varint(bytes)
        if delta == 0 || delta >> 40 != 0 { throw .malformedFrame }
        position = ShortPosition(rawValue: position.rawValue &+ delta)
        let (time, overflow) = timeOffset.addingReportingOverflow(try fields.zigzag(bytes))
        if overflow { throw .malformedFrame }
        timeOffset = time
    }
}
