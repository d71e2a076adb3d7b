import Foundation
import HoldfastClient
import Testing

@testable import holdfast

/// REQ-SEC-6: what a peer sends reaches a terminal as text, wherever it is shown.
@Suite struct VisibleTextTests {
    /// The escape sequences that clear the screen and set the title, as a gateway once sent them in `CLOSED`.
    private static let attack = "\u{1B}[2J\u{1B}]0;owned\u{7}"

    private func isPlain(_ text: String) -> Bool { !text.unicodeScalars.contains { $0 != "\n" && VisibleText.isHidden($0) } }

    @Test func `the words of a gateway can't steer the terminal`() {
        let notices: [ClientNotice] = [
            .closedByServer(code: 21, text: Self.attack), .transportFailed(.unreachable(Self.attack)),
            .transportFailed(.untrusted(Self.attack)), .transportFailed(.broken(Self.attack)),
        ]
        for notice in notices {
            let text = ClientReports.text(notice)
            #expect(text?.contains("<U+1B>[2J<U+1B>]0;owned<U+7>") == true)
            #expect(text.map(isPlain) == true)
        }
        #expect(isPlain(ClientReports.text(.fenced, user: "al\u{9B}2Jice", device: "ph\u{202E}one")))
    }

    @Test func `a line break in a peer's words begins no line`() {
        #expect(ClientReports.text(.closedByServer(code: 50, text: "a\nholdfast: all is well"))?.contains("\n") == false)
    }

    @Test func `lines of a command stay lines`() {
        #expect(VisibleText.ofLines("one\ntwo\u{1B}[1m\n") == "one\ntwo<U+1B>[1m\n")
    }

    @Test(arguments: [0x9B, 0x61C, 0x200B, 0x202E, 0x2066, 0x206F, 0xFEFF] as [UInt32])
    func `signs that can't be seen are named, in JSON by their number`(value: UInt32) throws {
        let sign = String(try #require(Unicode.Scalar(value)))
        let digits = String(value, radix: 16, uppercase: true)
        #expect(VisibleText.of("a\(sign)b") == "a<U+\(digits)>b")
        let json = JSONText.quoted("a\(sign)b é 客").string
        #expect(json == "\"a\\u\(String(repeating: "0", count: 4 - digits.count))\(digits.lowercased())b é 客\"")
        let parsed = try JSONSerialization.jsonObject(with: Data(json.utf8), options: .fragmentsAllowed) as? String
        #expect(parsed.map { Array($0.utf8) } == Array("a\(sign)b é 客".utf8))
    }

    @Test func `emoji and scripts that need joiners are left as they are`() {
        for text in ["👨‍👩‍👧", "می‌خواهم", "客服-7"] { #expect(VisibleText.of(text) == text) }
    }
}
