import HoldfastTestSupport
import Testing

@testable import holdfast_load

/// What comes from a server: byte for byte as the specification has it, in pieces, and broken.
@Suite struct MQTTReaderTests {
    private func read(_ bytes: [UInt8], _ version: MQTTVersion = .v311) throws(MQTTError) -> (packet: MQTTPacket, end: Int)? {
        try MQTTReader(version: version).read(bytes.span, from: 0)
    }

    static let good: [(bytes: [UInt8], version: MQTTVersion, packet: MQTTPacket)] = [
        // 3.1.1, section 3.2: CONNACK, with and without a session.
        ([0x20, 2, 0, 0], .v311, .connectAcknowledged(sessionPresent: false, code: 0, properties: .init())),
        ([0x20, 2, 1, 0], .v311, .connectAcknowledged(sessionPresent: true, code: 0, properties: .init())),
        ([0x20, 2, 0, 5], .v311, .connectAcknowledged(sessionPresent: false, code: 5, properties: .init())),
        // Section 3.3, the example: topic a/b, packet identifier 10; here with a payload of two bytes.
        ([0x32, 9, 0, 3, 0x61, 0x2F, 0x62, 0, 10, 7, 8], .v311, .publish(qos: 1, isRepeat: false, packetID: 10, payload: 9..<11)),
        ([0x3A, 7, 0, 3, 0x61, 0x2F, 0x62, 0, 10], .v311, .publish(qos: 1, isRepeat: true, packetID: 10, payload: 9..<9)),
        ([0x30, 6, 0, 3, 0x61, 0x2F, 0x62, 9], .v311, .publish(qos: 0, isRepeat: false, packetID: 0, payload: 7..<8)),
        ([0x31, 6, 0, 3, 0x61, 0x2F, 0x62, 9], .v311, .publish(qos: 0, isRepeat: false, packetID: 0, payload: 7..<8)),
        // Sections 3.4, 3.9, 3.13.
        ([0x40, 2, 1, 2], .v311, .publishAcknowledged(packetID: 0x0102, code: 0)),
        ([0x90, 3, 0, 1, 1], .v311, .subscribeAcknowledged(packetID: 1, code: 1)),
        ([0x90, 3, 0, 1, 0x80], .v311, .subscribeAcknowledged(packetID: 1, code: 0x80)),
        ([0xD0, 0], .v311, .pong),
        // 5.0: without properties, and with Receive Maximum 20, Server Keep Alive 60, a reason and a user property.
        ([0x20, 3, 0, 0, 0], .v5, .connectAcknowledged(sessionPresent: false, code: 0, properties: .init())),
        (
            [0x20, 21, 1, 0, 18, 33, 0, 20, 19, 0, 60, 31, 0, 2, 0x6F, 0x6B, 38, 0, 1, 0x6B, 0, 1, 0x76], .v5,
            .connectAcknowledged(sessionPresent: true, code: 0, properties: .init(receiveMaximum: 20, keepAliveSeconds: 60))
        ),
        ([0x32, 12, 0, 1, 0x61, 0, 1, 5, 2, 0, 0, 0, 9, 7], .v5, .publish(qos: 1, isRepeat: false, packetID: 1, payload: 13..<14)),
        // A subscription identifier of two bytes: a number of 7-bit groups.
        ([0x30, 8, 0, 1, 0x61, 3, 11, 0x80, 1, 7], .v5, .publish(qos: 0, isRepeat: false, packetID: 0, payload: 9..<10)),
        ([0x40, 2, 0, 1], .v5, .publishAcknowledged(packetID: 1, code: 0)),
        ([0x40, 3, 0, 1, 0x10], .v5, .publishAcknowledged(packetID: 1, code: 0x10)),
        ([0x40, 4, 0, 1, 0x97, 0], .v5, .publishAcknowledged(packetID: 1, code: 0x97)),
        ([0x90, 4, 0, 1, 0, 1], .v5, .subscribeAcknowledged(packetID: 1, code: 1)),
        ([0xE0, 0], .v5, .disconnect(code: 0)),
        ([0xE0, 2, 0x8E, 0], .v5, .disconnect(code: 0x8E)),
    ]

    @Test(arguments: good.indices) func `packets are read, and only when they are there wholly`(_ index: Int) throws {
        let (bytes, version, packet) = Self.good[index]
        let whole = try #require(try read(bytes, version))
        #expect(whole.packet == packet)
        #expect(whole.end == bytes.count)
        for count in 0..<bytes.count {
            let part = try read(Array(bytes[..<count]), version)
            #expect(part == nil, "\(count) of \(bytes.count) bytes are no packet")
        }
        let followed = try #require(try read(bytes + [0xFF, 0xFF], version))
        #expect(followed.end == bytes.count)
    }

    static let bad: [(bytes: [UInt8], version: MQTTVersion, error: MQTTError)] = [
        ([0x20, 0x80, 0x80, 0x80, 0x80], .v311, .lengthMalformed),
        ([0x30, 0xFF, 0xFF, 0xFF, 0x7F], .v311, .tooLarge(268_435_455)),
        ([0x00, 0], .v311, .unexpected(0)),
        ([0x10, 0], .v311, .unexpected(1)),
        ([0x50, 2, 0, 1], .v311, .unexpected(5)),
        ([0xE0, 0], .v311, .unexpected(14)),
        ([0x21, 2, 0, 0], .v311, .malformed(2)),
        ([0x20, 2, 2, 0], .v311, .malformed(2)),
        ([0x20, 1, 0], .v311, .malformed(2)),
        ([0x20, 3, 0, 0, 0], .v311, .malformed(2)),
        ([0x36, 5, 0, 1, 0x61, 0, 1], .v311, .malformed(3)),
        ([0x32, 5, 0, 1, 0x61, 0, 0], .v311, .malformed(3)),
        ([0x32, 4, 0, 9, 0x61, 0], .v311, .malformed(3)),
        ([0x30, 0], .v311, .malformed(3)),
        ([0x40, 3, 0, 1, 0], .v311, .malformed(4)),
        ([0x40, 2, 0, 0], .v311, .malformed(4)),
        ([0x90, 2, 0, 1], .v311, .malformed(9)),
        ([0xD0, 1, 0], .v311, .malformed(13)),
        // Properties that end behind their length, or behind the packet, or that nobody knows; a window of 0.
        ([0x20, 4, 0, 0, 1, 33], .v5, .malformed(2)),
        ([0x20, 3, 0, 0, 9], .v5, .malformed(2)),
        ([0x20, 4, 0, 0, 1, 0x7F], .v5, .malformed(2)),
        ([0x20, 6, 0, 0, 3, 33, 0, 0], .v5, .malformed(2)),
        ([0x20, 7, 0, 0, 2, 33, 0, 1, 1], .v5, .malformed(2)),
        ([0x30, 4, 0, 1, 0x61, 0x80], .v5, .malformed(3)),
    ]

    @Test(arguments: bad.indices) func `what is against the specification is refused`(_ index: Int) {
        let (bytes, version, error) = Self.bad[index]
        #expect(throws: error) { try read(bytes, version) }
    }

    @Test func `remaining lengths are those of the specification's table`() throws {
        // Section 2.2.3, table 2.4: the ends of each number of bytes.
        let table: [([UInt8], Int)] = [
            ([0], 0), ([0x7F], 127), ([0x80, 0x01], 128), ([0xFF, 0x7F], 16_383), ([0x80, 0x80, 0x01], 16_384),
            ([0xFF, 0xFF, 0x7F], 2_097_151),
            ([0x80, 0x80, 0x80, 0x01], 2_097_152), ([0xFF, 0xFF, 0xFF, 0x7F], 268_435_455),
        ]
        for (bytes, length) in table {
            let read = try #require(try MQTTReader.remainingLength(bytes.span, from: 0))
            #expect(read.length == length)
            #expect(read.end == bytes.count)
            var written: [UInt8] = []
            MQTTWriter.append(remainingLength: length, &written)
            #expect(written == bytes)
        }
    }

    @Test func `no bytes make it trap`() {
        var random = SeededRandom(seed: 4)
        for round in 0..<50_000 {
            // Good ones with a few bytes changed get further than noise.
            let (good, version, _) = Self.good[round % Self.good.count]
            var bytes = good
            for _ in 0...Int.random(in: 0...2, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            if let (_, end) = try? read(bytes, version) { #expect(end <= bytes.count) }
        }
    }
}
