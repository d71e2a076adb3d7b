/// SipHash-1-3 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012) under a key of the gateway's own.
///
/// Where a key lies in a table, and what a full cache keeps, follows from this hash: so it must be the same in every process that simulates a
/// seed, and nobody may choose names that collide in a gateway. Swift's own hashes can be neither, because their seed is the process's.
package struct KeyedHash: Sendable, Equatable {
    private let low: UInt64
    private let high: UInt64

    /// - Parameters:
    ///   - low: the key's first 8 bytes, read as little-endian.
    ///   - high: its last 8 bytes.
    package init(low: UInt64, high: UInt64) {
        self.low = low
        self.high = high
    }

    /// Under a key that the system draws.
    package static func random() -> KeyedHash { KeyedHash(low: .random(in: .min ... .max), high: .random(in: .min ... .max)) }

    /// Of a word, as of its 8 bytes.
    func hash(_ word: UInt64) -> UInt64 {
        var state = State(low, high)
        state.take(word, rounds: 1)
        return state.finish(byteCount: 8, rounds: (1, 3))
    }

    /// Of two words, as of their 16 bytes.
    func hash(_ first: UInt64, _ second: UInt64) -> UInt64 {
        var state = State(low, high)
        state.take(first, rounds: 1)
        state.take(second, rounds: 1)
        return state.finish(byteCount: 16, rounds: (1, 3))
    }

    /// - Parameter rounds: of the compression and of the end; the paper's vectors are of 2 and 4.
    func hash(_ bytes: Span<UInt8>, rounds: (Int, Int) = (1, 3)) -> UInt64 {
        var state = State(low, high)
        var offset = 0
        while offset + 8 <= bytes.count {
            state.take(word(bytes, offset, 8), rounds: rounds.0)
            offset += 8
        }
        return state.finish(rest: word(bytes, offset, bytes.count - offset), byteCount: bytes.count, rounds: rounds)
    }

    private func word(_ bytes: Span<UInt8>, _ offset: Int, _ count: Int) -> UInt64 {
        var word: UInt64 = 0
        for index in 0..<count { word |= UInt64(bytes[offset + index]) << (8 * UInt64(index)) }
        return word
    }

    private struct State {
        var v0: UInt64
        var v1: UInt64
        var v2: UInt64
        var v3: UInt64

        init(_ low: UInt64, _ high: UInt64) {
            // "somepseudorandomlygeneratedbytes", as the paper has it.
            v0 = low ^ 0x736F_6D65_7073_6575
            v1 = high ^ 0x646F_7261_6E64_6F6D
            v2 = low ^ 0x6C79_6765_6E65_7261
            v3 = high ^ 0x7465_6462_7974_6573
        }

        mutating func take(_ word: UInt64, rounds: Int) {
            v3 ^= word
            for _ in 0..<rounds { round() }
            v0 ^= word
        }

        consuming func finish(rest: UInt64 = 0, byteCount: Int, rounds: (Int, Int)) -> UInt64 {
            take(UInt64(truncatingIfNeeded: byteCount) << 56 | rest, rounds: rounds.0)
            v2 ^= 0xFF
            for _ in 0..<rounds.1 { round() }
            return v0 ^ v1 ^ v2 ^ v3
        }

        private mutating func round() {
            v0 &+= v1
            v1 = rotate(v1, 13) ^ v0
            v0 = rotate(v0, 32)
            v2 &+= v3
            v3 = rotate(v3, 16) ^ v2
            v0 &+= v3
            v3 = rotate(v3, 21) ^ v0
            v2 &+= v1
            v1 = rotate(v1, 17) ^ v2
            v2 = rotate(v2, 32)
        }

        private func rotate(_ word: UInt64, _ count: UInt64) -> UInt64 { word << count | word >> (64 - count) }
    }
}
