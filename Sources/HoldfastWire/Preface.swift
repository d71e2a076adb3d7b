/// The first bytes of a connection, from the client only (REQ-FRAME-1): neither TLS (0x16) nor HTTP begins like this.
package enum Preface {
    /// Of the whole preface.
    package static let byteCount = 4
    /// 0x8C "HFD".
    package static let rawValue: UInt32 = 0x8C48_4644

    /// Whether the whole preface stands at `offset`; false: the bytes so far agree, and more are needed.
    package static func check(_ bytes: Span<UInt8>, at offset: Int) throws(CloseCode) -> Bool {
        let available = min(bytes.count - offset, byteCount)
        for index in 0..<max(available, 0) where bytes[offset + index] != byte(index) {
            throw .badPreface
        }
        return available == byteCount
    }

    /// What a client sends first.
    package static func append(to out: inout [UInt8]) {
        for index in 0..<byteCount { out.append(byte(index)) }
    }

    private static func byte(_ index: Int) -> UInt8 {
        UInt8(truncatingIfNeeded: rawValue >> UInt32(8 * (byteCount - 1 - index)))
    }
}
