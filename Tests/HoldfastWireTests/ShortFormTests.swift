import HoldfastTestSupport
import HoldfastWire
import Testing

/// SPEC 2.4: the full value comes back from the short one within the reach that REQ-ENC-6 and REQ-ENC-7 give it.
@Suite struct ShortFormTests {
    @Test func `the nearest sequence is meant`() {
        for near in [UInt64(0), 1, 127, 128, 255, 256, 257, 70_000, 1 << 40] {
            for step in Int64(-128)...127 where Int64(near) + step >= 0 {
                let sequence = MessageSequence(rawValue: UInt64(Int64(near) + step))
                #expect(ShortSequence(sequence).expanded(near: MessageSequence(rawValue: near)) == sequence)
            }
        }
    }

    @Test func `the example of the specification`() {
        let near = MessageSequence(rawValue: 257)
        #expect(ShortSequence(rawValue: 0).expanded(near: near).rawValue == 256)
        #expect(ShortSequence(rawValue: 5).expanded(near: near).rawValue == 261)
    }

    @Test func `the smallest position at or above a floor`() {
        var random = SeededRandom(seed: 3)
        for _ in 0..<2_000 {
            let floor = Position(rawValue: random.wide(bits: 62))
            let position = Position(rawValue: floor.rawValue + random.wide(bits: 40))
            #expect(ShortPosition(position).expanded(from: floor) == position)
        }
    }

    @Test func `the greatest position at or below a ceiling`() {
        let ceiling = Position(era: 2, offset: 5)
        #expect(ShortPosition(rawValue: 5).expanded(upTo: ceiling) == ceiling)
        #expect(ShortPosition(rawValue: 6).expanded(upTo: ceiling)?.rawValue == ceiling.rawValue + 1 - 1 << 40)
        #expect(ShortPosition(rawValue: 6).expanded(upTo: Position(rawValue: 5)) == nil)
    }
}
