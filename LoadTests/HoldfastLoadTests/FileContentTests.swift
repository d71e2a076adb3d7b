import HoldfastTestSupport
import Testing

@testable import holdfast_load

/// What a disk may hold of a file after a power cut: everything that was synced, and of the rest anything that a disk could.
@Suite struct FileContentTests {
    private static let sector = FileContent.sectorBytes

    private func bytes(_ value: UInt8, sectors: Int = 1) -> [UInt8] { [UInt8](repeating: value, count: sectors * Self.sector) }

    /// What many cuts leave behind.
    private func outcomes(_ content: FileContent) -> Set<[UInt8]> {
        Set(
            (0..<200).map { (seed: UInt64) in
                var random = SeededRandom(seed: seed)
                return content.afterCut(using: &random)
            })
    }

    @Test func `what was synced stays`() {
        var content = FileContent()
        content.write([1, 2, 3], at: 0, place: 0)
        content.sync(before: 1)
        #expect(outcomes(content) == [[1, 2, 3]])
        #expect(content.current == [1, 2, 3])
    }

    @Test func `a sync doesn't cover what was written after it began`() {
        var content = FileContent()
        content.write(bytes(1), at: 0, place: 0)
        content.write(bytes(2), at: 0, place: 5)
        content.sync(before: 3)
        #expect(outcomes(content) == [bytes(1), bytes(2)])
    }

    @Test func `unsynced sectors are there or not, each by itself`() {
        var content = FileContent(durable: bytes(0, sectors: 2))
        content.write(bytes(7, sectors: 2), at: 0, place: 0)
        #expect(outcomes(content) == [bytes(0, sectors: 2), bytes(7) + bytes(0), bytes(0) + bytes(7), bytes(7, sectors: 2)])
    }

    @Test func `a sector that was written twice may have any of its versions`() {
        var content = FileContent(durable: bytes(0))
        content.write(bytes(1), at: 0, place: 0)
        content.write(bytes(2), at: 0, place: 1)
        #expect(outcomes(content) == [bytes(0), bytes(1), bytes(2)])
    }

    @Test func `a longer file may lack its new size, or have it with a hole`() {
        var content = FileContent(durable: bytes(1))
        content.write(bytes(2), at: Self.sector, place: 0)
        #expect(outcomes(content) == [bytes(1), bytes(1) + bytes(0), bytes(1) + bytes(2)])
    }

    @Test func `a write that syncs itself doesn't sync what was written before it elsewhere`() {
        var content = FileContent(durable: bytes(0, sectors: 2))
        content.write(bytes(1), at: 0, place: 0)
        content.write(bytes(2), at: Self.sector, place: 1)
        content.syncWrite(at: 1)
        #expect(outcomes(content) == [bytes(0) + bytes(2), bytes(1) + bytes(2)])
    }

    @Test func `a write that syncs itself takes its sector's earlier versions with it`() {
        var content = FileContent(durable: bytes(0))
        content.write(bytes(1), at: 0, place: 0)
        content.write([2], at: 1, place: 1)
        content.syncWrite(at: 1)
        var expected = bytes(1)
        expected[1] = 2
        #expect(outcomes(content) == [expected])
    }

    @Test func `what was cut off doesn't come back in a file that grew again`() {
        var content = FileContent(durable: bytes(1, sectors: 2))
        content.resize(to: 0, place: 0)
        content.write(bytes(2, sectors: 2), at: 0, place: 1)
        for outcome in outcomes(content) where outcome.count == 2 * Self.sector {
            // Old and new don't mix: before the cut all is old, after it new or empty.
            #expect(outcome == bytes(1, sectors: 2) || !outcome.contains(1))
        }
        #expect(outcomes(content).contains([]))
        content.sync(before: 2)
        #expect(outcomes(content) == [bytes(2, sectors: 2)])
    }

    @Test func `room that was taken reads as zeros`() {
        var content = FileContent()
        content.resize(to: 700, place: 0)
        content.sync(before: 1)
        #expect(outcomes(content) == [[UInt8](repeating: 0, count: 700)])
    }
}
