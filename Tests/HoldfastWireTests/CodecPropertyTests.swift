import HoldfastTestSupport
import HoldfastWire
import Testing

/// Reads all frames of a stream that grows by the given cuts, as a connection does, and writes each one again.
private func readStream(_ bytes: [UInt8], cuts: [Int], isClient: Bool) throws -> [UInt8] {
    var out: [UInt8] = []
    var offset = 0
    for cut in cuts + [bytes.count] {
        let here = Array(bytes[..<cut])
        while true {
            if isClient {
                guard let decoded = try ClientFrame.decode(here.span, at: offset, limits: .standard) else { break }
                out += try unwrap(decoded.frame).encoded(from: here)
                offset += decoded.byteCount
            } else {
                guard let decoded = try ServerFrame.decode(here.span, at: offset, limits: .standard) else { break }
                out += try unwrap(decoded.frame).encoded(from: here)
                offset += decoded.byteCount
            }
        }
    }
    return out
}

private func unwrap<Frame>(_ frame: Frame?) throws -> Frame {
    guard let frame else { throw VectorError("a known frame was skipped") }
    return frame
}

@Suite struct CodecPropertyTests {
    @Test(arguments: [true, false]) func `what is written is read, however the stream is cut`(isClient: Bool) throws {
        for seed in UInt64(1)...150 {
            var frames = RandomFrames(seed: seed)
            var bytes: [UInt8] = []
            for _ in 0..<20 {
                if isClient { frames.appendClientFrame(to: &bytes) } else { frames.appendServerFrame(to: &bytes) }
            }
            let cuts = (0..<30).map { _ in Int.random(in: 0...bytes.count, using: &frames.random) }.sorted()
            #expect(try readStream(bytes, cuts: cuts, isClient: isClient) == bytes, "seed \(seed)")
        }
    }

    @Test func `entries have the positions, times and bodies that were written`() throws {
        let start = Position(era: 3, offset: 1 << 40 - 2)
        var out: [UInt8] = []
        var writer = DeliverWriter(
            predecessor: .zero, first: start, conversation: ConversationNumber(rawValue: 5), timeOffset: -7, entries: 3, bodyBytes: 9,
            to: &out)
        let bodies: [[UInt8]] = [[1, 2, 3], [], [4]]
        let positions = [start.rawValue, start.rawValue + 1, start.rawValue + 1 << 40]
        let times: [Int64] = [-7, 1 << 40, -1 << 40]
        for (index, body) in bodies.enumerated() {
            writer.entry(
                position: Position(rawValue: positions[index]), timeOffset: times[index], kind: .file, isOwn: index == 1,
                isLast: index == 2,
                body: body.span, to: &out)
        }
        writer.end(to: &out)
        guard case .deliver(let deliver)? = try ServerFrame.decode(out.span, at: 0, limits: .standard)?.frame else {
            throw VectorError("no DELIVER")
        }
        let entries = try deliver.readEntries(in: out)
        #expect(entries.map(\.position) == positions.map { ShortPosition(rawValue: $0) })
        #expect(entries.map(\.timeOffset) == times)
        #expect(entries.map { Array(out[$0.body]) } == bodies)
        #expect(entries.map(\.isOwn) == [false, true, false])
        #expect(entries.allSatisfy { $0.kind == .file })
    }

    /// REQ-SEC-5.
    @Test func `random bytes never trap, and what is read lies inside of them`() {
        var random = SeededRandom(seed: 7)
        for _ in 0..<30_000 {
            let bytes = random.bytes(0...60)
            readAll(bytes, at: Int.random(in: 0...bytes.count, using: &random))
        }
    }

    @Test func `damaged frames never trap`() {
        for seed in UInt64(1)...6_000 {
            var frames = RandomFrames(seed: seed)
            var bytes: [UInt8] = []
            if seed % 2 == 0 { frames.appendClientFrame(to: &bytes) } else { frames.appendServerFrame(to: &bytes) }
            for _ in 0..<Int.random(in: 1...3, using: &frames.random) {
                let index = Int.random(in: 0..<bytes.count, using: &frames.random)
                bytes[index] =
                    [0, 0x7F, 0x80, 0xFF, UInt8.random(in: 0...255, using: &frames.random)].randomElement(using: &frames.random) ?? 0
            }
            readAll(bytes, at: 0)
        }
    }

    /// Reads as both sides until an error, the end, or a frame that isn't whole.
    private func readAll(_ bytes: [UInt8], at start: Int) {
        var offset = start
        while let decoded = try? ClientFrame.decode(bytes.span, at: offset, limits: .standard) {
            if let frame = decoded.frame { _ = frame.encoded(from: bytes) }
            offset += decoded.byteCount
        }
        offset = start
        while let decoded = try? ServerFrame.decode(bytes.span, at: offset, limits: .standard) {
            if let frame = decoded.frame { _ = try? frame.encoded(from: bytes) }
            offset += decoded.byteCount
        }
    }

    @Test func `runs of heartbeats are counted`() {
        let bytes: [UInt8] = [0x14, 1, 1, 1, 2, 2, 0x14]
        #expect(ClientFrame.pingCount(bytes.span, at: 1) == 3)
        #expect(ServerFrame.pongCount(bytes.span, at: 4) == 2)
        #expect(ClientFrame.pingCount(bytes.span, at: 0) == 0)
        #expect(ClientFrame.pingCount(bytes.span, at: bytes.count) == 0)
    }

    @Test func `the frame limit is that of the caller`() throws {
        let bytes: [UInt8] = [0x20] + [0x81, 0x40]
        #expect(throws: CloseCode.frameTooLarge) { try decode(bytes, .beforeWelcome) }
        #expect(throws: Never.self) { try decode(bytes, .standard) }
        let atLimit: [UInt8] = [0x20] + [0x80, 0x40]
        #expect(throws: Never.self) { try decode(atLimit, .beforeWelcome) }
    }

    private func decode(_ bytes: [UInt8], _ limits: WireLimits) throws {
        _ = try ClientFrame.decode(bytes.span, at: 0, limits: limits)
    }
}
