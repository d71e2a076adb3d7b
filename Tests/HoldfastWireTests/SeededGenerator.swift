/// A small generator (SplitMix64): the same frames from the same seed everywhere.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// Small and large values alike: each width in bits is as likely as the next.
    mutating func wide(bits: Int = 64) -> UInt64 {
        let width = Int.random(in: 0...bits, using: &self)
        return width == 0 ? 0 : next() >> UInt64(64 - width)
    }

    mutating func wide32() -> UInt32 { UInt32(truncatingIfNeeded: wide(bits: 32)) }

    mutating func bytes(_ counts: ClosedRange<Int>) -> [UInt8] {
        (0..<Int.random(in: counts, using: &self)).map { _ in UInt8.random(in: 0...255, using: &self) }
    }

    /// Text of one to three bytes a character.
    mutating func text(_ counts: ClosedRange<Int>) -> [UInt8] {
        let characters = Array("abcäßжש客服")
        var text = ""
        let target = Int.random(in: counts, using: &self)
        while let next = characters.randomElement(using: &self), text.utf8.count + next.utf8.count <= target { text.append(next) }
        return text.utf8.count < counts.lowerBound ? Array("a".utf8) : Array(text.utf8)
    }
}
