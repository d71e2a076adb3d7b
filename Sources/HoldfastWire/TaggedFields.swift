/// A run of (varint tag, `bytes` value) for what later versions add (REQ-ENC-10): its form is checked by the decoder, and its tags are judged
/// by whoever knows what they belong to.
package struct TaggedFields: Equatable, Sendable {
    /// Where the run lies.
    package var range: ByteRange
    /// A tag is odd: who doesn't know it must not do what the fields belong to. This build knows none.
    package var mustBeUnderstood: Bool
    /// All fields.
    package init(range: ByteRange, mustBeUnderstood: Bool) {
        self.range = range
        self.mustBeUnderstood = mustBeUnderstood
    }
}

/// What may stand in front of a body (SPEC 3.11).
package struct MessageHead: Equatable, Sendable {
    /// None has a meaning yet.
    package var flags: UInt64
    /// Sender, reference, expiry and what else there may be.
    package var fields: TaggedFields
    /// All fields.
    package init(flags: UInt64, fields: TaggedFields) {
        self.flags = flags
        self.fields = fields
    }
}

extension FieldReader {
    /// Fields up to the end.
    mutating func taggedFields(_ bytes: Span<UInt8>) throws(CloseCode) -> TaggedFields {
        let start = index
        var mustBeUnderstood = false
        while index < end {
            let tag = try varint(bytes)
            _ = try counted(bytes)
            if tag & 1 == 1 { mustBeUnderstood = true }
        }
        return TaggedFields(range: start..<end, mustBeUnderstood: mustBeUnderstood)
    }

    /// A head with its length.
    package mutating func head(_ bytes: Span<UInt8>) throws(CloseCode) -> MessageHead {
        let range = try counted(bytes)
        guard range.count <= WireLimits.headBytesMax else { throw .malformedFrame }
        var head = FieldReader(range)
        let flags = try head.varint(bytes)
        return MessageHead(flags: flags, fields: try head.taggedFields(bytes))
    }
}

extension [UInt8] {
    /// A head with its length; `fields` is a run of tags and values.
    mutating func append(headFlags flags: UInt64, fields: Span<UInt8>) {
        appendFields { out in
            out.append(varint: UInt64(FieldWriter.varintBytes(flags) + fields.count))
            out.append(varint: flags)
        }
        append(copying: fields)
    }
}

extension FieldWriter {
    /// How long a head is, its length included.
    static func headBytes(flags: UInt64, fields: Span<UInt8>) -> Int {
        let count = varintBytes(flags) + fields.count
        return varintBytes(UInt64(count)) + count
    }
}
