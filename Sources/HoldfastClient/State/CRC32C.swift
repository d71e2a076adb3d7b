/// CRC-32C (Castagnoli), table-driven.
struct CRC32C {
    private static let table: [UInt32] = (0..<256).map { index in
        var value = UInt32(index)
        for _ in 0..<8 { value = value & 1 == 1 ? value >> 1 ^ 0x82F6_3B78 : value >> 1 }
        return value
    }

    private var state: UInt32 = 0xFFFF_FFFF

    /// The checksum of all that was added.
    var value: UInt32 { ~state }

    mutating func add(_ bytes: Span<UInt8>) {
        let table = Self.table.span
        var state = state
        for index in bytes.indices { state = table[Int((state ^ UInt32(bytes[index])) & 0xFF)] ^ state >> 8 }
        self.state = state
    }

    /// Eight bytes, big-endian.
    mutating func add(_ value: UInt64) {
        var bytes: [UInt8] = []
        bytes.append(bigEndian: value, byteCount: 8)
        add(bytes.span)
    }
}

extension [UInt8] {
    mutating func append(bigEndian value: UInt64, byteCount: Int) {
        for index in (0..<byteCount).reversed() { append(UInt8(truncatingIfNeeded: value >> UInt64(index * 8))) }
    }
}
