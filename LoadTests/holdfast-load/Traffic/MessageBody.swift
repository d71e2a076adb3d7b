import HoldfastWire

/// The content of a test message: whose it is, which one, when it was sent, and a checksum over all of it.
///
/// Layout, big-endian: run u32 | stream u32 | number u64 | sent at u64 (monotonic nanoseconds) | filler | CRC-32C u32.
struct MessageBody: Equatable {
    /// Tells the messages of one run from those of another.
    var run: UInt32
    /// Who sends to whom, see `Workload`.
    var stream: UInt32
    /// 1 for the first message of a stream.
    var number: UInt64
    var sentAt: UInt64

    /// The smallest body.
    static let byteCountMin = 28
    // Different for each message, so that a mix-up of contents shows.
    private static let filler: [UInt8] = {
        var random = SystemRandomNumberGenerator()
        return (0..<1 << 17).map { _ in UInt8.random(in: 0...255, using: &random) }
    }()

    /// The body as bytes.
    func encoded(byteCount: Int) -> [UInt8] {
        precondition(byteCount >= Self.byteCountMin && byteCount < 1 << 16)
        var bytes = [UInt8](capacity: byteCount) { out in
            out.append(bigEndian: UInt64(run), byteCount: 4)
            out.append(bigEndian: UInt64(stream), byteCount: 4)
            out.append(bigEndian: number, byteCount: 8)
            out.append(bigEndian: sentAt, byteCount: 8)
        }
        let offset = Int((number &+ UInt64(stream)) & 0xFFFF)
        bytes.append(contentsOf: Self.filler[offset..<offset + byteCount - Self.byteCountMin])
        let checksum = CRC32C.checksum(bytes.span, 0..<bytes.count)
        bytes.append(addingCapacity: 4) { (out: inout OutputSpan<UInt8>) in out.append(bigEndian: UInt64(checksum), byteCount: 4) }
        return bytes
    }

    /// The content of a body; nil if it isn't what was sent.
    static func decode(_ bytes: Span<UInt8>) -> MessageBody? {
        guard bytes.count >= byteCountMin else { return nil }
        let end = bytes.count - 4
        guard integer(bytes, end..<bytes.count) == UInt64(CRC32C.checksum(bytes, 0..<end)) else { return nil }
        return MessageBody(
            run: UInt32(integer(bytes, 0..<4)), stream: UInt32(integer(bytes, 4..<8)), number: integer(bytes, 8..<16),
            sentAt: integer(bytes, 16..<24))
    }

    private static func integer(_ bytes: Span<UInt8>, _ range: Range<Int>) -> UInt64 {
        var value: UInt64 = 0
        for index in range { value = value << 8 | UInt64(bytes[index]) }
        return value
    }
}
