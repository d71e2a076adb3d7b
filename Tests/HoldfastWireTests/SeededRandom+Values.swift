import HoldfastTestSupport

// Values of frames.
extension SeededRandom {
    /// Small and large values alike: each width in bits is as likely as the next.
    mutating func wide(bits: Int = 64) -> UInt64 {
        let width = Int.random(in: 0...bits, using: &self)
        return width == 0 ? 0 : next() >> UInt64(64 - width)
    }

    mutating func wide32() -> UInt32 { UInt32(truncatingIfNeeded: wide(bits: 32)) }

    /// Text of one to three bytes a character.
    mutating func text(_ counts: ClosedRange<Int>) -> [UInt8] {
        let characters = Array("abcäßжש客服")
        var text = ""
        let target = Int.random(in: counts, using: &self)
        while let next = characters.randomElement(using: &self), text.utf8.count + next.utf8.count <= target { text.append(next) }
        return text.utf8.count < counts.lowerBound ? Array("a".utf8) : Array(text.utf8)
    }
}
