/// Writes a JSON object without a tree in between. A `UInt64` becomes a text, as all of the API's 64-bit numbers are: many readers of JSON have
/// numbers of 53 bits.
package struct JSONWriter {
    /// UTF-8.
    package private(set) var bytes: [UInt8] = []
    private var needsComma = false

    /// An object with the members that `body` adds.
    package static func object(_ body: (inout JSONWriter) -> Void) -> [UInt8] {
        var json = JSONWriter()
        json.bytes.reserveCapacity(256)
        json.append(object: body)
        return json.bytes
    }

    /// A member with a text; nil: no member.
    package mutating func add(_ name: StaticString, _ text: String?) {
        guard let text else { return }
        begin(name)
        append(quoted: text)
    }

    /// A member with a number.
    package mutating func add(_ name: StaticString, _ number: Int?) {
        guard let number else { return }
        begin(name)
        bytes.append(contentsOf: String(number).utf8)
    }

    /// A member with a number of 64 bits, as a text; nil: no member.
    package mutating func add(_ name: StaticString, _ number: UInt64?) { add(name, number.map { String($0) }) }

    /// A member that is true or false.
    package mutating func add(_ name: StaticString, _ flag: Bool) {
        begin(name)
        bytes.append(contentsOf: (flag ? "true" : "false").utf8)
    }

    /// A member that is an object.
    package mutating func add(_ name: StaticString, object body: (inout JSONWriter) -> Void) {
        begin(name)
        append(object: body)
    }

    /// A member that is a list of objects, one for each element.
    package mutating func add<Element>(_ name: StaticString, list: some Sequence<Element>, _ body: (inout JSONWriter, Element) -> Void) {
        begin(name)
        appendList(list) { json, element in json.append { body(&$0, element) } }
    }

    /// A member that is a list of texts.
    package mutating func add(_ name: StaticString, texts: some Sequence<String>) {
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
        bytes.append(jsonEscaped: text.utf8)
        bytes.append(UInt8(ascii: "\""))
    }

    /// A member with a time, in milliseconds since 1970; nil: no member.
    package mutating func add(_ name: StaticString, time milliseconds: UInt64?) { add(name, milliseconds.map { Timestamp.text($0) }) }

    /// A member with a name that is UTF-8, or was meant to be.
    package mutating func add(_ name: StaticString, name bytes: [UInt8]) { add(name, String(decoding: bytes, as: UTF8.self)) }
}
