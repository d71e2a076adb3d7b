/// CRC-32C (Castagnoli, reflected 0x82F63B78; RFC 3720 appendix B.4), eight bytes a step over eight tables.
package struct CRC32C: Sendable {
    /// Made once and never freed or changed: read without the cost of a count or a bounds check, as every record is.
    private nonisolated(unsafe) static let tables: UnsafePointer<UInt32> = {
        let tables = UnsafeMutablePointer<UInt32>.allocate(capacity: 8 * 256)
        for byte in 0..<256 {
            var crc = UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0x82F6_3B78 : crc >> 1 }
            unsafe (tables + byte).initialize(to: crc)
        }
        for byte in 0..<256 {
            var crc = unsafe tables[byte]
            for table in 1..<8 {
                crc = unsafe crc >> 8 ^ tables[Int(crc & 0xFF)]
                unsafe (tables + (table * 256 + byte)).initialize(to: crc)
            }
        }
        return unsafe UnsafePointer(tables)
    }()

    private var state: UInt32 = 0xFFFF_FFFF

    package init() {}

    /// The checksum of `bytes[range]`.
    package static func checksum(_ bytes: Span<UInt8>, _ range: Range<Int>) -> UInt32 {
        var sum = CRC32C()
        sum.add(bytes.extracting(range))
        return sum.value
    }

    /// The checksum of all that was added.
    package var value: UInt32 { ~state }

    package mutating func add(_ bytes: Span<UInt8>) {
        unsafe bytes.withUnsafeBytes { unsafe add($0) }
    }

    private mutating func add(_ bytes: UnsafeRawBufferPointer) {
        let tables = unsafe Self.tables
        var crc = state
        var index = 0
        while index + 8 <= bytes.count {
            let eight = unsafe UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)) ^ UInt64(crc)
            crc =
                unsafe tables[7 * 256 + Int(eight & 0xFF)] ^ tables[6 * 256 + Int(eight >> 8 & 0xFF)]
                ^ tables[5 * 256 + Int(eight >> 16 & 0xFF)] ^ tables[4 * 256 + Int(eight >> 24 & 0xFF)]
                ^ tables[3 * 256 + Int(eight >> 32 & 0xFF)] ^ tables[2 * 256 + Int(eight >> 40 & 0xFF)]
                ^ tables[256 + Int(eight >> 48 & 0xFF)] ^ tables[Int(eight >> 56)]
            index += 8
        }
        while index < bytes.count {
            crc = unsafe crc >> 8 ^ tables[Int((crc ^ UInt32(bytes[index])) & 0xFF)]
            index += 1
        }
        state = crc
    }
}
