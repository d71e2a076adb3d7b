import HoldfastTestSupport
import Testing

@testable import HoldfastIO

@Suite struct OutputArenaTests {
    @Test(arguments: [1, 2, 3] as [UInt64])
    func `bytes sent in any mixture stay each connection's own, in order`(_ seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: OutputArena.byteCapacity)
        defer { unsafe memory.deallocate() }
        var arena = unsafe OutputArena(bytes: memory)
        for _ in 0..<20 {
            var model: [UInt32: [UInt8]] = [:]
            var segments: [UInt32: UInt16] = [:]
            while true {
                let slot = UInt32.random(in: 0..<40, using: &random)
                let bytes = (0..<Int.random(in: 1...900, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
                var segment = segments[slot] ?? OutputArena.noSegment
                guard unsafe arena.append(bytes, count: bytes.count, slot: slot, segment: &segment) else { break }
                segments[slot] = segment
                model[slot, default: []] += bytes
            }
            #expect(arena.segmentCount == model.count)
            for index in 0..<arena.segmentCount {
                let segment = unsafe arena.segments[index]
                let start = unsafe arena.bytes + Int(segment.offset)
                let stored = unsafe Array(UnsafeBufferPointer(start: start, count: Int(segment.count)))
                #expect(stored == model[segment.slot], "seed \(seed)")
            }
            arena.removeAll()
        }
    }

    @Test func `an empty arena takes as much as it is large`() {
        let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: OutputArena.byteCapacity)
        defer { unsafe memory.deallocate() }
        var arena = unsafe OutputArena(bytes: memory)
        var segment = OutputArena.noSegment
        let all = [UInt8](repeating: 7, count: OutputArena.byteCapacity)
        #expect(unsafe arena.append(all, count: all.count, slot: 0, segment: &segment))
        #expect(unsafe !arena.append(all, count: 1, slot: 0, segment: &segment))
        arena.removeAll()
        segment = OutputArena.noSegment
        #expect(unsafe arena.append(all, count: all.count, slot: 0, segment: &segment))
    }
}
