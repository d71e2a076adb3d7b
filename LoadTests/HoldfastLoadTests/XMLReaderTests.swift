import Testing

@testable import holdfast_load

@Suite struct XMLReaderTests {
    private static func read(_ text: String) throws -> (item: XMLItem, rest: String)? {
        let bytes = Array(text.utf8)
        return try XMLReader.read(bytes.span, from: 0).map { ($0.item, String(decoding: bytes[$0.end...], as: UTF8.self)) }
    }

    private static let good: [(String, XMLItem)] = [
        ("<?xml version='1.0'?>", .declaration), (" \n<stream:stream id=\"1\" to='a'>", .streamOpened),
        ("</stream:stream >", .streamClosed),
        ("<a/>", .element(XMLElement(name: "a"))),
        ("<a b='1' c = \"&lt;'&#x41;\" />", .element(XMLElement(name: "a", attributes: ["b": "1", "c": "<'A"]))),
        (
            "<m to='x'>a&amp;<b>ü</b>c<d/></m>",
            .element(
                XMLElement(
                    name: "m", attributes: ["to": "x"], text: "a&c", children: [XMLElement(name: "b", text: "ü"), XMLElement(name: "d")]))
        ),
        (
            "<stream:features><x:y xmlns:x='u'></x:y></stream:features>",
            .element(
                XMLElement(name: "stream:features", children: [XMLElement(name: "x:y", attributes: ["xmlns:x": "u"])]))
        ),
    ]

    @Test func `an item is read wherever its bytes are cut`() throws {
        for (text, item) in Self.good {
            for count in 0..<text.utf8.count {
                let bytes = Array(text.utf8.prefix(count))
                #expect(try XMLReader.read(bytes.span, from: 0) == nil, "\(text) \(count)")
            }
            let found = try #require(try Self.read(text + "<rest"))
            #expect(found.item == item)
            #expect(found.rest == "<rest")
        }
    }

    @Test func `what isn't XML of a stream is an error`() {
        let cases: [(String, XMLError)] = [
            ("x", .malformed), ("<>", .malformed), ("< a>", .malformed), ("<a b>", .malformed), ("<a b=c>", .malformed),
            ("<a b='<'>", .malformed),
            ("<a b='1' b='2'/>", .malformed), ("<a/b>", .malformed), ("<a></b>", .malformed), ("</a>", .malformed),
            ("<a>&nbsp;</a>", .malformed),
            ("<a>&#xD800;</a>", .malformed), ("<a>&#99999999;</a>", .malformed), ("<a>&aaaaaaaaaaaa", .malformed),
            ("<!DOCTYPE a>", .forbidden),
            ("<a><!-- b --></a>", .forbidden), ("<a><![CDATA[b]]></a>", .forbidden), ("<a><?b?></a>", .forbidden),
            (String(repeating: "<a>", count: 100), .tooDeep), ("<a>" + String(repeating: "x", count: XMLReader.elementBytesMax), .tooLarge),
        ]
        for (text, error) in cases { #expect(throws: error, "\(text.prefix(40))") { try Self.read(text) } }
    }

    @Test func `no change of a byte makes it trap`() {
        for (text, _) in Self.good {
            for index in 0..<text.utf8.count {
                for byte: UInt8 in [0, 32, 38, 39, 47, 60, 62, 63, 255] {
                    var bytes = Array(text.utf8)
                    bytes[index] = byte
                    _ = try? XMLReader.read(bytes.span, from: 0)
                }
            }
        }
    }
}
