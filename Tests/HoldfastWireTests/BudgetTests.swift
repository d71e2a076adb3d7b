import Foundation
import HoldfastWire
import Testing

private struct Vectors: Decodable {
    struct Frame: Decodable {
        var name: String
        var kind: String?
        var hex: String
        var fields: Field
        var readOnly: Bool?
    }
    var frames: [Frame]
}

/// The byte budgets of SPEC 7 over the golden frames, and over frames of the largest size that a budget speaks of.
@Suite struct BudgetTests {
    private func measured(_ kind: String) throws -> [(name: String, count: Int, fields: Field)] {
        let frames = try ProtocolFolder.json("frames.json", as: Vectors.self).frames
        let found = try frames.filter { $0.kind == kind && $0.readOnly != true }.map { ($0.name, try $0.hex.bytesOfHex().count, $0.fields) }
        #expect(!found.isEmpty, "no vector for \(kind)")
        return found
    }

    @Test func `heartbeats take a byte each way (REQ-BUDGET-1)`() throws {
        #expect(try measured("PING").allSatisfy { $0.count == 1 })
        #expect(try measured("PONG").allSatisfy { $0.count == 1 })
    }

    @Test func `a send takes 8 bytes over its body (REQ-BUDGET-2)`() throws {
        for (name, count, fields) in try measured("SEND") {
            let conversation: UInt64 = try fields["conversation"].integer()
            if conversation >= 1 << 28 { continue }
            #expect(count - (try fields["body"].bytes().count) <= 8, "\(name)")
        }
        let body = [UInt8](repeating: 1, count: 16 * 1024 - 6)
        var out: [UInt8] = []
        ClientFrameWriter.send(
            MessageSequence(rawValue: .max), kind: .event, conversation: ConversationNumber(rawValue: 1 << 28 - 1), body: body.span,
            to: &out)
        #expect(out.count - body.count == 8)
    }

    @Test func `a delivery takes 24 bytes over its body, and 12 for each further one in a batch (REQ-BUDGET-3)`() throws {
        for (name, count, fields) in try measured("DELIVER") {
            let entries = try fields["entries"].list()
            let bodies = try entries.reduce(0) { $0 + (try $1["body"].bytes().count) }
            #expect(count - bodies <= 24 + 12 * (entries.count - 1), "\(name)")
        }
        let head = overhead(entries: 1, bodyBytes: 16_000)
        #expect(head <= 24)
        for entries in 2...8 { #expect(overhead(entries: entries, bodyBytes: 1_800) - head <= 12 * (entries - 1)) }
    }

    /// Bytes beside the bodies in a batch of the widest steps that the budget speaks of.
    private func overhead(entries: Int, bodyBytes: Int) -> Int {
        let body = [UInt8](repeating: 1, count: bodyBytes)
        let start = Position(era: 1, offset: 1 << 39)
        var time: Int64 = 1 << 34 - 1
        var position = start
        var out: [UInt8] = []
        var writer = DeliverWriter(
            predecessor: start, first: start, conversation: ConversationNumber(rawValue: 1 << 28 - 1), timeOffset: time, entries: entries,
            bodyBytes: entries * bodyBytes, to: &out)
        for index in 0..<entries {
            writer.entry(
                position: position, timeOffset: time, kind: .event, isOwn: true, isLast: index == entries - 1, body: body.span, to: &out)
            position = Position(rawValue: position.rawValue + 1 << 21 - 1)
            time -= 1 << 27 - 1
        }
        writer.end(to: &out)
        return out.count - entries * bodyBytes
    }

    @Test func `SENT takes 10 bytes, ACK 7 (REQ-BUDGET-4, REQ-BUDGET-5)`() throws {
        #expect(try measured("SENT").allSatisfy { $0.count <= 10 })
        #expect(try measured("ACK").allSatisfy { $0.count <= 7 })
    }

    @Test func `a resume takes 64 bytes up and 48 down (REQ-BUDGET-6)`() throws {
        func isBudgeted(_ fields: Field) throws -> Bool { try fields["lastSequence"].integer(UInt64.self) < 1 << 35 }
        #expect(try measured("RESUME").allSatisfy { try !isBudgeted($0.fields) || $0.count <= 64 })
        #expect(try measured("WELCOME").allSatisfy { try !isBudgeted($0.fields) || $0.count <= 48 })
        #expect(try measured("RESUME").contains { $0.count == 64 })
        #expect(try measured("WELCOME").contains { $0.count == 48 })
    }
}
