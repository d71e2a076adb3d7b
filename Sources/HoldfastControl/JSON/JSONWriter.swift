/// Writes a JSON object without a tree in between. A `UInt64` becomes a text, as all of the API's 64-bit numbers are: many readers of JSON have
/// numbers of 53 bits.
struct JSONWriter {
    /// UTF-8.
    private(set) var bytes: [UInt8] = []
    private var needsComma = false

    /// An object with the members that `body` adds.
    static func object(_ body: (inout JSONWriter) -> Void) -> [UInt8] {
        var json = JSONWriter()
        json.bytes.reserveCapacity(256)
        json.append(object: body)
        return json.bytes
    }

    /// A member with a text; nil: no member.
    mutating func add(_ name: StaticString, _ text: String?) {
        guard let text else { return }
        begin(name)
        append(quoted: text)
    }

    /// A member with a number.
    mutating func add(_ name: StaticString, _ number: Int?) {
        guard let number else { return }
        begin(name)
        bytes.append(contentsOf: String(number).utf8)
    }

    /// A member with a number of 64 bits, as a text; nil: no member.
    mutating func add(_ name: StaticString, _ number: UInt64?) { add(name, number.map { String($0) }) }

    /// A member that is true or false.
    mutating func add(_ name: StaticString, _ flag: Bool) {
        begin(name)
        bytes.append(contentsOf: (flag ? "true" : "false").utf8)
    }

    /// A member that is an object.
    mutating func add(_ name: StaticString, object body: (inout JSONWriter) -> Void) {
        begin(name)
        append(object: body)
    }

    /// A member that is a list of objects, one for each element.
    mutating func add<Element>(_ name: StaticString, list: some Sequence<Element>, _ body: (inout JSONWriter, Element) -> Void) {
        begin(name)
        appendList(list) { json, element in json.append { body(&$0, element) } }
    }

    /// A member that is a list of texts.
    mutating func add(_ name: StaticString, texts: some Sequence<String>) {
        begin(name)
        appendList(texts) { $0.append(quoted: $1) }
    }

    private mutating func appendList<Element>(_ list: some Sequence<Element>, _ append: (inout JSONWriter, Element) -> Void) {
        bytes.append(UInt8(ascii: "["))
        var isFirst = true
        for element in list {
            if !isFirst { bytes.append(UInt8(ascii: ",")) }
            isFirst = false
            append(&self, element)
        }
        bytes.append(UInt8(ascii: "]"))
    }

    private mutating func append(object body: (inout JSONWriter) -> Void) {
        bytes.append(UInt8(ascii: "{"))
        needsComma = false
        body(&self)
        bytes.append(UInt8(ascii: "}"))
        needsComma = true
    }

    private mutating func begin(_ name: StaticString) {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
        append(quoted: name.description)
        bytes.append(UInt8(ascii: ":"))
    }

    private mutating func append(quoted text: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case 0x0A: bytes.append(contentsOf: "\\n".utf8)
            case 0x0D: bytes.append(contentsOf: "\\r".utf8)
            case 0x09: bytes.append(contentsOf: "\\t".utf8)
            case 0..<0x20, 0x7F:
                bytes.append(contentsOf: "\\u00".utf8)
                bytes.append(Self.digit(byte >> 4))
                bytes.append(Self.digit(byte & 15))
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10 }
}
