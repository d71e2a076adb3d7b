internal import HoldfastClient

/// A running digest of the lines of an input: says after a crash whether an input begins with the lines that were taken before.
///
/// FNV-1a with 128 bits: for mistakes, not against attackers. Recipient and kind go in first, so that the same lines for another
/// recipient are another input.
struct InputDigest: Equatable, Sendable {
    private var value: UInt128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d
    private static let prime: UInt128 = 1 << 88 | 1 << 8 | 0x3b

    /// Of no line yet.
    init(recipient: String, kind: BodyKindName) {
        // Names have no NUL, lines no line end: no two inputs run together.
        for byte in recipient.utf8 { add(byte) }
        add(0)
        add(kind.kind.rawValue)
    }

    /// Adds a line, without its end.
    mutating func append(line: ArraySlice<UInt8>) {
        for byte in line { add(byte) }
        add(UInt8(ascii: "\n"))
    }

    /// What is kept with the line that was added last.
    var tag: SendTag { SendTag(high: UInt64(truncatingIfNeeded: value >> 64), low: UInt64(truncatingIfNeeded: value)) }

    private mutating func add(_ byte: UInt8) {
        value ^= UInt128(byte)
        value = value &* Self.prime
    }
}
