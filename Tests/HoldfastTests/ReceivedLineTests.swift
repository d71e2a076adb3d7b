import Foundation
import HoldfastClient
import HoldfastTestSupport
import Testing

@testable import holdfast

@Suite struct ReceivedLineTests {
    private func line(
        _ body: [UInt8], from: String? = "alice", kind: BodyKindName = .text, isRepeat: Bool = false
    ) -> ReceivedLine {
        ReceivedLine(
            position: 7, user: "bob",
            content: .message(
                .init(
                    conversation: 3, from: from, to: "bob", timeMilliseconds: 1_767_225_599_123, kind: kind, body: body,
                    isRepeat: isRepeat)))
    }

    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    @Test func `a text is one line of JSON`() {
        #expect(
            text(line(Array("hi \"bob\"\n\u{1}é".utf8)).json)
                == """
                {"position":7,"user":"bob","conversation":3,"from":"alice","to":"bob","time":"2025-12-31T23:59:59.123Z",\
                "kind":"text","text":"hi \\"bob\\"\\n\\u0001é"}

                """)
    }

    @Test func `bytes that are no UTF-8 are base64, an unknown sender is null`() {
        let json = text(line([0xFF, 0x00], from: nil, kind: .custom).json)
        #expect(json.hasSuffix("\"kind\":\"custom\",\"base64\":\"/wA=\"}\n"))
        #expect(json.contains("\"from\":null"))
    }

    @Test func `a repeat is marked, and in a file only if the file has it`() {
        let repeated = line([], isRepeat: true)
        #expect(text(repeated.json).contains("\"repeat\":true"))
        #expect(text(repeated.json(after: 7)).contains("\"repeat\":true"))
        #expect(!text(repeated.json(after: 6)).contains("repeat"))
        #expect(text(repeated.json(after: nil)).contains("\"repeat\":true"))
    }

    @Test func `a gap says how many and why`() {
        let gap = ReceivedLine(position: 9, user: "bob", content: .gap(reason: "evicted", count: 4))
        #expect(text(gap.json) == "{\"position\":9,\"user\":\"bob\",\"gap\":\"evicted\",\"count\":4}\n")
        #expect(text(gap.words) == "-- 4 messages are missing here: evicted\n")
        let unknown = ReceivedLine(position: 9, user: "bob", content: .gap(reason: "damaged", count: 0))
        #expect(text(unknown.json) == "{\"position\":9,\"user\":\"bob\",\"gap\":\"damaged\"}\n")
    }

    @Test func `nothing in a message can steer the terminal`() {
        let words = text(line(Array("a\u{1B}[2Jb\u{202E}c\nd\u{9B}".utf8), from: "ev\ril").words)
        #expect(words == "2025-12-31T23:59:59.123Z ev<U+D>il -> bob: a<U+1B>[2Jb<U+202E>c⏎d<U+9B>\n")
    }

    @Test func `any text survives the way through JSON`() throws {
        var random = SeededRandom(seed: 7)
        for _ in 0..<500 {
            let scalars = (0..<20).compactMap { _ in Unicode.Scalar(UInt32(random.next() % (random.next() % 2 == 0 ? 0x80 : 0x11000))) }
            var body = ""
            body.unicodeScalars.append(contentsOf: scalars)
            let parsed = try JSONSerialization.jsonObject(with: Data(line(Array(body.utf8)).json)) as? [String: Any]
            #expect((parsed?["text"] as? String).map { Array($0.utf8) } == Array(body.utf8))
        }
    }

    @Test func `every kind has its name`() {
        for (number, name) in BodyKindName.allCases.enumerated() {
            #expect(Int(name.kind.rawValue) == number)
            #expect(BodyKindName(name.kind) == name)
        }
        #expect(BodyKindName.allCases.count == 9)
    }
}
