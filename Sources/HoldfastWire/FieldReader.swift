/// Reads the fields of one payload, front to back (SPEC 2). It holds no reference to the bytes, so it is a plain value.
package struct FieldReader: Sendable {
    /// Where the next field begins.
    package var index: Int
    /// Where the payload ends.
    package let end: Int

    /// Begins at the front of the payload.
    @inlinable package init(_ payload: ByteRange) {
        index = payload.lowerBound
        end = payload.upperBound
    }

    /// Everything that is left.
    @inlinable package mutating func rest() -> ByteRange {
        defer { index = end }
        return index..<end
    }

    /// Fails unless everything was read.
    @inlinable package func finish() throws(CloseCode) {
        if index != end { throw .malformedFrame }
    }

    /// u8.
    @inlinable package mutating func byte(_ bytes: Span<UInt8>) throws(CloseCode) -> UInt8 {
        guard index < end else { throw .malformedFrame }
        defer { index += 1 }
        return bytes[index]
    }

    /// `count` bytes, big-endian; at most 8.
    @inlinable package mutating func integer(_ bytes: Span<UInt8>, byteCount count: Int) throws(CloseCode) -> UInt64 {
        guard end - index >= count else { throw .malformedFrame }
        var value: UInt64 = 0
        for step in 0..<count { value = value << 8 | UInt64(bytes[index + step]) }
        index += count
        return value
    }

    /// u40.
    @inlinable package mutating func shortPosition(_ bytes: Span<UInt8>) throws(CloseCode) -> ShortPosition {
        ShortPosition(rawValue: try integer(bytes, byteCount: 5))
    }

    /// Unsigned LEB128 in its shortest form (REQ-ENC-2).
    @inlinable package mutating func varint(_ bytes: Span<UInt8>) throws(CloseCode) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            guard index < end else { throw .malformedFrame }
            let byte = bytes[index]
            index += 1
            if shift == 63 && byte > 1 { throw .malformedFrame }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 {
                if byte == 0 && shift > 0 { throw .malformedFrame }
                return value
            }
            shift += 7
        }
    }

    /// A varint that fits 32 bits.
    @inlinable package mutating func varint32(_ bytes: Span<UInt8>) throws(CloseCode) -> UInt32 {
        guard let value = UInt32(exactly: try varint(bytes)) else { throw .malformedFrame }
        return value
    }

    /// A full sequence; no number of a message is above `MessageSequence.max` (REQ-ENC-9).
    package mutating func sequence(_ bytes: Span<UInt8>) throws(CloseCode) -> MessageSequence {
        let sequence = MessageSequence(rawValue: try varint(bytes))
        guard sequence <= .max else { throw .malformedFrame }
        return sequence
    }

    /// A signed varint (REQ-ENC-3).
    @inlinable package mutating func zigzag(_ bytes: Span<UInt8>) throws(CloseCode) -> Int64 {
        let value = try varint(bytes)
        return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
    }

    /// A length and as many bytes (REQ-ENC-4).
    @inlinable package mutating func counted(_ bytes: Span<UInt8>) throws(CloseCode) -> ByteRange {
        let count = try varint(bytes)
        guard count <= UInt64(end - index) else { throw .malformedFrame }
        defer { index += Int(count) }
        return index..<index + Int(count)
    }

    /// Opaque bytes with a length: at least one, at most `max`.
    mutating func opaque(_ bytes: Span<UInt8>, max: Int) throws(CloseCode) -> ByteRange {
        let range = try counted(bytes)
        guard !range.isEmpty && range.count <= max else { throw .malformedFrame }
        return range
    }

    /// Opaque bytes to the end: at least one, at most `max`.
    mutating func opaqueRest(max: Int) throws(CloseCode) -> ByteRange {
        let range = rest()
        guard !range.isEmpty && range.count <= max else { throw .malformedFrame }
        return range
    }

    /// Text with a length that must be in `count` (REQ-ENC-5).
    mutating func text(_ bytes: Span<UInt8>, count: ClosedRange<Int>) throws(CloseCode) -> ByteRange {
        let range = try counted(bytes)
        guard count.contains(range.count) else { throw .invalidText }
        try Self.checkText(bytes, range)
        return range
    }

    /// Text to the end of the payload.
    mutating func textRest(_ bytes: Span<UInt8>, max: Int) throws(CloseCode) -> ByteRange {
        let range = rest()
        guard range.count <= max else { throw .invalidText }
        try Self.checkText(bytes, range)
        return range
    }

    /// The extensions at the end of a frame that allows them (REQ-ENC-8) and whose tags mean nothing yet: even ones are skipped.
    mutating func skipExtensions(_ bytes: Span<UInt8>) throws(CloseCode) {
        while try nextExtension(bytes) != nil {}
    }

    /// The next extension with an even tag; nil at the end.
    mutating func nextExtension(_ bytes: Span<UInt8>) throws(CloseCode) -> (tag: UInt64, value: ByteRange)? {
        guard index < end else { return nil }
        let tag = try varint(bytes)
        let value = try counted(bytes)
        if tag & 1 == 1 { throw .reservedBits }
        return (tag, value)
    }

    private static func checkText(_ bytes: Span<UInt8>, _ range: ByteRange) throws(CloseCode) {
        var highest: UInt8 = 0
        for index in range {
            if bytes[index] == 0 { throw .invalidText }
            highest |= bytes[index]
        }
        if highest < 0x80 { return }
        do { _ = try UTF8Span(validating: bytes.extracting(range)) } catch { throw .invalidText }
    }
}
