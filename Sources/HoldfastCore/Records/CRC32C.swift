/// CRC-32C (Castagnoli, reflected 0x82F63B78; RFC 3720 appendix B.4), eight bytes a step over eight tables.
package enum CRC32C {
    private static let tables: ContiguousArray<UInt32> = {
        var tables = ContiguousArray<UInt32>(repeating: 0, count: 8 * 256)
        for byte in 0..<256 {
            var crc = UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0x82F6_3B78 : crc >> 1 }
            tables[byte] = crc
        }
        for byte in 0..<256 {
            var crc = tables[byte]
            for table in 1..<8 {
                crc = crc >> 8 ^ tables[Int(crc & 0xFF)]
                tables[table * 256 + byte] = crc
            }
        }
        return tables
    }()

    /// - Returns: the checksum of `bytes[range]`.
    package static func checksum(_ bytes: Span<UInt8>, _ range: Range<Int>) -> UInt32 {
        let tables = Self.tables
        var crc: UInt32 = 0xFFFF_FFFF
        var index = range.lowerBound
        while index + 8 <= range.upperBound {
            let low = crc ^ bytes.littleEndian32(at: index)
            let high = bytes.littleEndian32(at: index + 4)
            crc =
                tables[7 * 256 + Int(low & 0xFF)] ^ tables[6 * 256 + Int(low >> 8 & 0xFF)]
                ^ tables[5 * 256 + Int(low >> 16 & 0xFF)] ^ tables[4 * 256 + Int(low >> 24)]
                ^ tables[3 * 256 + Int(high & 0xFF)] ^ tables[2 * 256 + Int(high >> 8 & 0xFF)]
                ^ tables[256 + Int(high >> 16 & 0xFF)] ^ tables[Int(high >> 24)]
            index += 8
        }
        while index < range.upperBound {
            crc = crc >> 8 ^ tables[Int((crc ^ UInt32(bytes[index])) & 0xFF)]
            index += 1
        }
        return ~crc
    }
}

extension Span<UInt8> {
    fileprivate func littleEndian32(at offset: Int) -> UInt32 {
        UInt32(self[offset]) | UInt32(self[offset + 1]) << 8 | UInt32(self[offset + 2]) << 16 | UInt32(self[offset + 3]) << 24
    }
}
