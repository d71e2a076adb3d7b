/// Sizes and bytes of the encodings of SPEC 2.
package enum FieldWriter {
    /// How long the varint is.
    @inlinable package static func varintBytes(_ value: UInt64) -> Int {
        (70 - (value | 1).leadingZeroBitCount) / 7
    }

    /// The unsigned value that stands for a signed one.
    @inlinable package static func zigzag(_ value: Int64) -> UInt64 {
        UInt64(bitPattern: value << 1 ^ value >> 63)
    }
}

extension OutputSpan<UInt8> {
    /// The low `count` bytes of `value`, big-endian.
    @inlinable @_lifetime(self: copy self) package mutating func append(bigEndian value: UInt64, byteCount count: Int) {
        var shift = UInt64(count * 8)
        while shift > 0 {
            shift -= 8
            append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }

    /// Unsigned LEB128 in its shortest form.
    @inlinable @_lifetime(self: copy self) package mutating func append(varint value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(truncatingIfNeeded: rest))
    }
}

extension [UInt8] {
    /// A frame's kind and length, then its fixed fields: at most 96 bytes. `payload` counts all of the payload, what follows the fields included.
    @inlinable package mutating func appendFrame(
        _ kind: UInt8, payload: Int, _ fields: (_ out: inout OutputSpan<UInt8>) -> Void
    ) {
        append(addingCapacity: 96) { (out: inout OutputSpan<UInt8>) in
            out.append(kind)
            out.append(varint: UInt64(payload))
            fields(&out)
        }
    }

    /// Fixed fields behind text: at most 96 bytes.
    @inlinable package mutating func appendFields(_ fields: (_ out: inout OutputSpan<UInt8>) -> Void) {
        append(addingCapacity: 96) { (out: inout OutputSpan<UInt8>) in fields(&out) }
    }

    /// Text, token or body.
    @inlinable package mutating func append(copying bytes: Span<UInt8>) {
        unsafe bytes.withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
    }
}
