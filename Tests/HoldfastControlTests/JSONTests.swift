import Foundation
import HoldfastGateway
import Testing

@testable import HoldfastControl

@Suite struct JSONTests {
    private func parse(_ text: String) throws(JSONFault) -> JSONValue { try JSONParser.parse(Array(text.utf8)) }

    @Test func `values are read`() throws {
        #expect(
            try parse(" {\"a\": [1, -0.5e+3, true, null], \"b\\n\": \"\\u00e9\\ud83d\\ude00/\\/\"} ")
                == .object([
                    .init(name: "a", value: .list([.number("1"), .number("-0.5e+3"), .bool(true), .null])),
                    .init(name: "b\n", value: .text("é😀//")),
                ]))
        #expect(try parse("{}") == .object([]))
        #expect(try parse("[]") == .list([]))
        #expect(try parse("\"汉字\"") == .text("汉字"))
    }

    /// Each: the text, and where it stops to be JSON.
    @Test(arguments: [
        ("", 0), ("{", 1), ("{\"a\"}", 4), ("{\"a\":1,}", 7), ("[1,]", 3), ("[1 2]", 3), ("01", 1), ("1.", 2), ("-", 1), ("1e", 2),
        ("+1", 0),
        ("tru", 3), ("nul!", 3), ("\"a", 2), ("\"\\x\"", 2), ("\"\\u12g4\"", 5), ("\"\\ud800\"", 7), ("\"\\udc00\"", 7),
        ("\"\\ud800\\u0041\"", 13),
        ("\"a\nb\"", 2), ("{} {}", 3), ("{\"a\":1,\"a\":2}", 7), ("\u{FEFF}{}", 0), ("NaN", 0), ("{a:1}", 1), ("'a'", 0),
    ])
    func `what isn't JSON is told with its place`(_ text: String, _ offset: Int) {
        let fault = #expect(throws: JSONFault.self) { try parse(text) }
        #expect(fault?.offset == offset)
    }

    @Test func `depth has a bound`() throws {
        #expect(throws: JSONFault.self) { try parse(String(repeating: "[", count: 100_000)) }
        _ = try parse(String(repeating: "[", count: JSONParser.depthMax) + String(repeating: "]", count: JSONParser.depthMax))
    }

    @Test func `texts are UTF-8`() {
        for bytes: [UInt8] in [[0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22]] {
            #expect(throws: JSONFault.self) { try JSONParser.parse(bytes) }
        }
    }

    @Test func `what is written is read back`() throws {
        let text = "a\"b\\c\n\r\t\u{1}\u{7F}é😀"
        let bytes = JSONWriter.object { json in
            json.add("text", text)
            json.add("none", nil as String?)
            json.add("number", -5)
            json.add("position", UInt64.max)
            json.add("flag", true)
            json.add("inner") { $0.add("a", 1) }
            json.add("list", list: [1, 2]) { $0.add("n", $1) }
            json.add("texts", texts: ["x", "y"])
        }
        #expect(
            try JSONParser.parse(bytes)
                == .object([
                    .init(name: "text", value: .text(text)), .init(name: "number", value: .number("-5")),
                    .init(name: "position", value: .text("18446744073709551615")), .init(name: "flag", value: .bool(true)),
                    .init(name: "inner", value: .object([.init(name: "a", value: .number("1"))])),
                    .init(
                        name: "list",
                        value: .list([
                            .object([.init(name: "n", value: .number("1"))]), .object([.init(name: "n", value: .number("2"))]),
                        ])), .init(name: "texts", value: .list([.text("x"), .text("y")])),
                ]))
    }

    /// Each: the body, the pointer of the field that is at fault.
    @Test(arguments: [
        ("[]", ""), ("{\"number\":\"1\"}", "/number"), ("{\"number\":11}", "/number"), ("{\"number\":1.5}", "/number"),
        ("{\"number\":1e1}", "/number"), ("{\"text\":\"\"}", "/text"), ("{\"text\":5}", "/text"), ("{\"flag\":\"true\"}", "/flag"),
        ("{\"position\":5}", "/position"), ("{\"position\":\"05\"}", "/position"), ("{\"position\":\"18446744073709551616\"}", "/position"),
        ("{\"position\":\"+5\"}", "/position"), ("{\"un~kn/own\":1}", "/un~0kn~1own"), ("{\"flag\":true,\"x\":1,\"y\":2}", "/x"),
        ("{\"~\u{301}\":1}", "/~0\u{301}"),
    ])
    func `a field that isn't as it should be is named`(_ body: String, _ pointer: String) throws {
        let value = try parse(body)
        let problem = #expect(throws: Problem.self) { try Self.read(value) }
        #expect(problem?.kind == .invalidField)
        #expect(problem?.pointer == pointer)
    }

    private static func read(_ value: JSONValue) throws(Problem) {
        var fields = try JSONFields(value)
        _ = try fields.integer("number", 1...10)
        _ = try fields.text("text", bytes: 1...4)
        _ = try fields.flag("flag")
        _ = try fields.number64("position")
        try fields.finish()
    }

    @Test func `fields that are as they should be are taken`() throws {
        try Self.read(try parse("{\"number\":10.0,\"text\":\"汉\",\"flag\":false,\"position\":\"18446744073709551615\"}"))
        var fields = try JSONFields(try parse("{}"), at: "/a")
        let problem = #expect(throws: Problem.self) { try fields.require("b") }
        #expect(problem?.pointer == "/a/b")
    }
}
