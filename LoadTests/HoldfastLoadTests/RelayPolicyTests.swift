import HoldfastTestSupport
import Testing

@testable import holdfast_load

@Suite struct RelayPolicyTests {
    /// All pieces of several reads, by a seed.
    private func pieces(_ policy: RelayPolicy, seed: UInt64, counts: [Int]) -> [[RelayPolicy.Piece]] {
        var random = SeededRandom(seed: seed)
        var direction = RelayPolicy.Direction()
        return counts.enumerated().map { index, count in
            policy.pieces(of: count, now: 1000 + UInt64(index) * 10, &direction, &random)
        }
    }

    @Test func `an open relay passes everything on at once`() {
        #expect(pieces(.open, seed: 1, counts: [5, 0]) == [[.init(range: 0..<5, due: 1000)], []])
    }

    @Test(arguments: [UInt64(1), 2, 3]) func `whatever is late, bytes stay whole and in order`(seed: UInt64) {
        let policies = [
            RelayPolicy(delayMilliseconds: 5...300), RelayPolicy(lossPerThousand: 300), RelayPolicy(bytesPerSecond: 1000),
            RelayPolicy(delayMilliseconds: 0...90, lossPerThousand: 100, bytesPerSecond: 5000),
        ]
        let counts = (1...200).map { $0 * 7 }
        for policy in policies {
            var last: UInt64 = 0
            for (index, read) in pieces(policy, seed: seed, counts: counts).enumerated() {
                var end = 0
                for piece in read {
                    #expect(piece.range.lowerBound == end && piece.due >= last && !piece.cuts)
                    (end, last) = (piece.range.upperBound, piece.due)
                }
                #expect(end == counts[index])
            }
        }
    }

    @Test func `a throttled direction takes its time`() {
        let read = pieces(RelayPolicy(bytesPerSecond: 1000), seed: 1, counts: [1000])[0]
        #expect(read.count == 4)
        #expect(read.last?.due == 2000)
    }

    @Test func `a cut lets the first half through and nothing else`() {
        let policy = RelayPolicy(cutsPerThousand: 1000)
        #expect(pieces(policy, seed: 1, counts: [9]) == [[.init(range: 0..<4, due: 1000, cuts: true)]])
    }

    @Test func `the same seed does the same, another seed something else`() {
        let policy = RelayPolicy(delayMilliseconds: 0...1000, lossPerThousand: 100, cutsPerThousand: 50)
        let counts = [Int](repeating: 100, count: 50)
        #expect(pieces(policy, seed: 4, counts: counts) == pieces(policy, seed: 4, counts: counts))
        #expect(pieces(policy, seed: 4, counts: counts) != pieces(policy, seed: 5, counts: counts))
    }
}
