import HoldfastWire

// Integers of the stored formats: big-endian of fixed width, or seven bits a byte with the lowest first.

extension [UInt8] {
    mutating func append<Value: FixedWidthInteger & UnsignedInteger>(bigEndian value: Value) {
        append(addingCapacity: MemoryLayout<Value>.size) { (out: inout OutputSpan<UInt8>) in out.append(bigEndian: value) }
    }

    mutating func append(varint value: UInt64) {
        append(addingCapacity: 10) { (out: inout OutputSpan<UInt8>) in out.append(varint: value) }
    }

    /// Puts the checksum of all that follows it into the four bytes that were left for it at `start`.
    mutating func seal(from start: Int) {
        let checksum = CRC32C.checksum(span, start + 4..<count)
        replace(at: start, bigEndian: checksum)
    }

    /// Overwrites four bytes that were left for a checksum.
    mutating func replace(at offset: Int, bigEndian value: UInt32) {
        self[offset] = UInt8(truncatingIfNeeded: value >> 24)
        self[offset + 1] = UInt8(truncatingIfNeeded: value >> 16)
        self[offset + 2] = UInt8(truncatingIfNeeded: value >> 8)
        self[offset + 3] = UInt8(truncatingIfNeeded: value)
    }
}

extension OutputSpan<UInt8> {
    /// One store of the whole integer.
    @inline(__always)
    @_lifetime(self: copy self)
    mutating func append<Value: FixedWidthInteger & UnsignedInteger>(bigEndian value: Value) {
        precondition(freeCapacity >= MemoryLayout<Value>.size)
        unsafe withUnsafeMutableBufferPointer { bytes, count in
            unsafe UnsafeMutableRawBufferPointer(bytes).storeBytes(of: value.bigEndian, toByteOffset: count, as: Value.self)
            count += MemoryLayout<Value>.size
        }
    }
}

extension OutputSpan<UInt8> {
    /// Room for ten bytes is demanded, however few it takes: one check for the whole integer.
    @inline(__always)
    @_lifetime(self: copy self)
    mutating func append(varint value: UInt64) {
        precondition(freeCapacity >= 10)
        unsafe withUnsafeMutableBufferPointer { bytes, count in
            var rest = value
            while rest >= 0x80 {
                unsafe bytes[count] = UInt8(truncatingIfNeeded: rest) | 0x80
                count += 1
                rest >>= 7
            }
            unsafe bytes[count] = UInt8(truncatingIfNeeded: rest)
            count += 1
        }
    }
}

/// Reads a stored value from the front; every read checks the length, so that no damaged value traps.
struct ByteReader: ~Escapable {
    private let bytes: Span<UInt8>
    private(set) var offset: Int

    @_lifetime(copy bytes)
    init(_ bytes: Span<UInt8>, from offset: Int = 0) {
        self.bytes = bytes
        self.offset = offset
    }

    var remaining: Int { bytes.count - offset }

    @_lifetime(self: copy self)
    mutating func integer<Value: FixedWidthInteger & UnsignedInteger>(_: Value.Type = Value.self) -> Value? {
        let size = Value.bitWidth / 8
        guard remaining >= size else { return nil }
        var value: Value = 0
        for index in offset..<offset + size { value = value << 8 | Value(bytes[index]) }
        offset += size
        return value
    }

    /// An integer of at most 64 bits; nil also when it is too large for `Value`.
    @_lifetime(self: copy self)
    mutating func varint<Value: FixedWidthInteger & UnsignedInteger>(_: Value.Type = Value.self) -> Value? {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            guard let byte = integer(UInt8.self) else { return nil }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return Value(exactly: value) }
        }
        return nil
    }

    /// A run of `count` bytes, as a range of the value.
    @_lifetime(self: copy self)
    mutating func range(_ count: Int) -> Range<Int>? {
        guard count >= 0, remaining >= count else { return nil }
        offset += count
        return offset - count..<offset
    }

    @_lifetime(self: copy self)
    mutating func text() -> [UInt8]? { integer(UInt8.self).flatMap { bytes(Int($0)) } }

    @_lifetime(self: copy self)
    mutating func bytes(_ count: Int) -> [UInt8]? { range(count).map { [UInt8](bytes, $0) } }
}

extension [UInt8] {
    init(_ bytes: Span<UInt8>, _ range: Range<Int>) {
        self.init()
        append(copying: bytes.extracting(range))
    }

    /// A name with its count in one byte; names are at most 255 bytes (SPEC 2.3).
    mutating func append(text: [UInt8]) {
        append(UInt8(text.count))
        append(contentsOf: text)
    }
}

// Positions up to one: their count, then how far each is below it, all in short form.
extension [UInt8] {
    mutating func append(positions: [Position], upTo last: Position) {
        append(varint: UInt64(positions.count))
        for position in positions {
            assert(position <= last, "what is counted down from a position isn't behind it")
            append(varint: last.rawValue - position.rawValue)
        }
    }
}

extension ByteReader {
    @_lifetime(self: copy self)
    mutating func positions(upTo last: Position) -> [Position]? {
        guard let count = varint(UInt32.self), count <= remaining else { return nil }
        var positions: [Position] = []
        for _ in 0..<count {
            guard let steps = varint(UInt64.self), steps <= last.rawValue else { return nil }
            positions.append(Position(rawValue: last.rawValue - steps))
        }
        return positions
    }
}
