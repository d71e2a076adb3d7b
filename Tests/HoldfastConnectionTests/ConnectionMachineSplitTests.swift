import HoldfastCore
import HoldfastTestSupport
import HoldfastWire
import Testing

@testable import HoldfastConnection

/// However the client's bytes are cut into reads, the same comes of them.
@Suite struct ConnectionMachineSplitTests {
    /// What came of a stream of bytes.
    private struct Result: Equatable {
        var commands: [String] = []
        var bytes: [UInt8] = []
        var out: [UInt8] = []
        var action = ConnectionAction.none
        var consumed = 0
    }

    // REQ-FRAME-7
    @Test func `cuts change nothing`() {
        var generator = SeededRandom(seed: 77)
        var closedCount = 0
        for _ in 0..<400 {
            let stream = randomStream(&generator)
            let whole = run(stream, cuts: [])
            for _ in 0..<5 {
                let cuts = (0..<Int.random(in: 1...20, using: &generator)).map { _ in Int.random(in: 0...stream.count, using: &generator) }
                #expect(run(stream, cuts: cuts.sorted()) == whole)
            }
            if whole.action != .none { closedCount += 1 }
        }
        // The streams reach both ends.
        #expect(closedCount > 50 && closedCount < 350)
    }

    /// Frames that are mostly good.
    private func randomStream(_ generator: inout SeededRandom) -> [UInt8] {
        var stream: [UInt8] = []
        var sequence: UInt64 = 10
        for _ in 0..<Int.random(in: 1...30, using: &generator) {
            switch Int.random(in: 0..<40, using: &generator) {
            case 0..<10: ClientFrameWriter.ping(to: &stream)
            case 10..<22:
                sequence += 1
                let body = [UInt8](repeating: 7, count: Int.random(in: 0...300, using: &generator))
                ClientFrameWriter.send(
                    .init(rawValue: sequence), kind: .card, conversation: .init(rawValue: 900), body: body.span, to: &stream)
            case 22..<27:
                sequence += 1
                let name = Array("bob".utf8)
                ClientFrameWriter.sendTo(.init(rawValue: sequence), kind: .text, user: name.span, body: name.span, to: &stream)
            case 27..<32: ClientFrameWriter.acknowledge(.init(rawValue: UInt64.random(in: 1000...1030, using: &generator)), to: &stream)
            case 32: ClientFrameWriter.credit(messages: 5, bytes: 500, to: &stream)
            case 33: ClientFrameWriter.lookup(.init(rawValue: 5), to: &stream)
            case 34, 35: stream += [0x85, 0x93, 3, 1, 2, 3]
            case 36: ClientFrameWriter.close(.logout, to: &stream)
            case 37: stream.append(UInt8.random(in: 0...255, using: &generator))
            default: ClientFrameWriter.ping(to: &stream)
            }
        }
        return stream
    }

    private func run(_ stream: [UInt8], cuts: [Int]) -> Result {
        var harness = MachineHarness.open()
        harness.skip(1000, through: 1020)
        harness.out = []
        var result = Result()
        var start = 0
        for end in cuts + [stream.count] where result.action == .none && end > start {
            let received = harness.receive(Array(stream[start..<end]))
            start += received.end
            result.action = received.action
        }
        let (commands, bytes) = harness.takeCommands()
        result.commands = commands.map { "\($0)" }
        result.bytes = bytes
        result.out = harness.out
        result.consumed = start
        return result
    }
}
