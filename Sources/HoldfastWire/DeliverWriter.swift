/// Writes one `DELIVER` entry by entry, straight into the output: no body is copied twice and nothing is allocated beside the output.
/// The length in front isn't known before the end; its width is taken from an estimate, and only a wrong guess moves the bytes behind it.
package struct DeliverWriter {
    /// Positions of one frame must be closer than this to the one before; else a new frame is begun (after a `SKIP`, SPEC 3.5).
    package static let positionStepMax: UInt64 = 1 << 40 - 1
    /// What an entry takes at most beside its body: tag, position, time, length.
    package static let entryOverheadBytesMax = 1 + 6 + 10 + 4
    /// What a frame takes at most beside its entries: kind, length, predecessor, first, conversation, time.
    package static let headBytesMax = 1 + 3 + 5 + 5 + 10 + 10

    /// Where the length stands in the output.
    package let lengthOffset: Int
    /// Bytes kept free for it.
    package let lengthWidth: Int
    /// Of the entry before; at first, of the first one.
    package var position: Position
    /// Likewise.
    package var timeOffset: Int64
    /// No entry was written yet.
    package var isFirst = true

    /// Begins a frame. `entries` and `bodyBytes` (of all entries together) are an estimate, best exact.
    @inlinable package init(
        predecessor: Position, first: Position, conversation: ConversationNumber, timeOffset: Int64, entries: Int, bodyBytes: Int,
        to out: inout [UInt8]
    ) {
        position = first
        self.timeOffset = timeOffset
        let time = FieldWriter.zigzag(timeOffset)
        let head = 10 + FieldWriter.varintBytes(conversation.rawValue) + FieldWriter.varintBytes(time)
        let width = FieldWriter.varintBytes(UInt64(head + 1 + max(entries - 1, 0) * 6 + bodyBytes))
        lengthOffset = out.count + 1
        lengthWidth = width
        out.appendFields { out in
            out.append(FrameKind.deliver)
            for _ in 0..<width { out.append(0) }
            out.append(bigEndian: predecessor.rawValue, byteCount: 5)
            out.append(bigEndian: first.rawValue, byteCount: 5)
            out.append(varint: conversation.rawValue)
            out.append(varint: time)
        }
    }

    /// Adds a message. The first one has the position and the time that the frame began with; positions rise.
    @inlinable package mutating func entry(
        position: Position, timeOffset: Int64, kind: MessageKind, isOwn: Bool, isLast: Bool, body: Span<UInt8>, to out: inout [UInt8]
    ) {
        let step = position.rawValue &- self.position.rawValue
        let timeStep = timeOffset &- self.timeOffset
        let isFirst = isFirst
        out.appendFields { out in
            out.append(kind.rawValue | (isOwn ? DeliverEntries.ownBit : 0) | (isLast ? DeliverEntries.lastBit : 0))
            if !isFirst {
                out.append(varint: step)
                out.append(varint: FieldWriter.zigzag(timeStep))
            }
            if !isLast { out.append(varint: UInt64(body.count)) }
        }
        out.append(copying: body)
        self.position = position
        self.timeOffset = timeOffset
        self.isFirst = false
    }

    /// The same for a message with a head. `fields` is a run of tags and values.
    package mutating func entry(
        position: Position, timeOffset: Int64, kind: MessageKind, isOwn: Bool, isLast: Bool, headFlags: UInt64, fields: Span<UInt8>,
        body: Span<UInt8>, to out: inout [UInt8]
    ) {
        let tagOffset = out.count
        // The tag and the steps alone.
        entry(position: position, timeOffset: timeOffset, kind: kind, isOwn: isOwn, isLast: true, body: body.extracting(0..<0), to: &out)
        out[tagOffset] ^= isLast ? DeliverEntries.headBit : DeliverEntries.headBit | DeliverEntries.lastBit
        out.append(headFlags: headFlags, fields: fields)
        if !isLast { out.appendFields { $0.append(varint: UInt64(body.count)) } }
        out.append(copying: body)
    }

    /// Ends the frame: fills in its length.
    @inlinable package func end(to out: inout [UInt8]) {
        let payload = out.count - lengthOffset - lengthWidth
        let width = FieldWriter.varintBytes(UInt64(payload))
        if width != lengthWidth { resizeLength(to: width, in: &out) }
        var rest = payload
        for index in 0..<width {
            let isLast = index == width - 1
            out[lengthOffset + index] = UInt8(truncatingIfNeeded: rest & 0x7F) | (isLast ? 0 : 0x80)
            rest >>= 7
        }
    }

    /// The estimate was wrong: moves what stands behind the length.
    package func resizeLength(to width: Int, in out: inout [UInt8]) {
        if width > lengthWidth {
            out.insert(contentsOf: repeatElement(0, count: width - lengthWidth), at: lengthOffset)
        } else {
            out.removeSubrange(lengthOffset..<lengthOffset + lengthWidth - width)
        }
    }
}
