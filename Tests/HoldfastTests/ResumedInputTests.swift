import HoldfastClient
import Testing

@testable import holdfast

@Suite struct ResumedInputTests {
    private let lines = ["first", "", "third", "fourth"].map { Array($0.utf8) }

    /// What a state says after it has taken the first lines.
    private func progress(after count: Int, recipient: String = "bob", kind: BodyKindName = .text) throws -> InputProgress {
        var input = ResumedInput(recipient: recipient, kind: kind, progress: InputProgress())
        var progress = InputProgress()
        for line in lines.prefix(count) {
            progress.lastTag = try input.next(line[...])?.tag
            progress.count += 1
        }
        return progress
    }

    private func rest(_ progress: InputProgress, _ lines: [[UInt8]], recipient: String = "bob", kind: BodyKindName = .text) throws
        -> [[UInt8]]
    {
        var input = ResumedInput(recipient: recipient, kind: kind, progress: progress)
        var rest: [[UInt8]] = []
        for line in lines { if let next = try input.next(line[...]) { rest.append(next.body) } }
        try input.finish()
        return rest
    }

    @Test(arguments: 0...4)
    func `the same input goes on after the lines that were taken`(count: Int) throws {
        #expect(try rest(progress(after: count), lines) == Array(lines.dropFirst(count)))
    }

    @Test func `more lines at the end are new ones`() throws {
        #expect(try rest(progress(after: 4), lines + [Array("fifth".utf8)]) == [Array("fifth".utf8)])
    }

    @Test func `another line, another order, another recipient and another kind are another input`() throws {
        let taken = try progress(after: 3)
        let different = ResumedInput.DifferentInput(taken: 3, available: nil)
        #expect(throws: different) { try rest(taken, [lines[0], lines[1], Array("Third".utf8), lines[3]]) }
        #expect(throws: different) { try rest(taken, [lines[1], lines[0], lines[2]]) }
        #expect(throws: different) { try rest(taken, [Array("firs".utf8), Array("t".utf8), lines[2]]) }
        #expect(throws: different) { try rest(taken, lines, recipient: "carol") }
        #expect(throws: different) { try rest(taken, lines, kind: .custom) }
    }

    @Test func `a shorter input is another one`() throws {
        let taken = try progress(after: 3)
        #expect(throws: ResumedInput.DifferentInput(taken: 3, available: 2)) { try rest(taken, Array(lines.prefix(2))) }
    }

    @Test func `tags are those of the published hash`() {
        // FNV-1a with 128 bits of "bob", 0, 0.
        var value: UInt128 = 144_066_263_297_769_815_596_495_629_667_062_367_629
        for byte in [0x62, 0x6f, 0x62, 0, 0] as [UInt8] {
            value = (value ^ UInt128(byte)) &* 309_485_009_821_345_068_724_781_371
        }
        let tag = InputDigest(recipient: "bob", kind: .text).tag
        #expect(UInt128(tag.high) << 64 | UInt128(tag.low) == value)
    }
}
