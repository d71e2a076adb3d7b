internal import HoldfastGateway

/// Writes JSON without a tree in between: lines of messages are written by the hundred thousand.
struct JSONText {
    /// UTF-8.
    private(set) var bytes: [UInt8] = []
    private var needsComma = false

    /// One object, with the members that `body` adds.
    static func object(_ body: (inout JSONText) -> Void) -> JSONText {
        var text = JSONText()
        text.bytes.append(UInt8(ascii: "{"))
        body(&text)
        text.bytes.append(UInt8(ascii: "}"))
        return text
    }

    /// A text alone, as a member of a list.
    static func quoted(_ text: String) -> JSONText {
        var json = JSONText()
        json.append(quoted: text)
        return json
    }

    /// As text.
    var string: String { String(decoding: bytes, as: UTF8.self) }

    /// Adds a member with a number.
    mutating func add(_ name: StaticString, _ number: some BinaryInteger) { add(name, raw: String(number)) }

    /// Adds a member that is true or false.
    mutating func add(_ name: StaticString, _ flag: Bool) { add(name, raw: flag ? "true" : "false") }

    /// Adds a member with a text, or null.
    mutating func add(_ name: StaticString, _ text: String?) {
        guard let text else { return add(name, raw: "null") }
        begin(name)
        append(quoted: text)
    }

    /// Adds a member that is JSON already.
    mutating func add(_ name: StaticString, _ value: JSONText) {
        begin(name)
        bytes.append(contentsOf: value.bytes)
    }

    /// Adds a member that is a list of objects.
    mutating func add(_ name: StaticString, list: [JSONText]) {
        begin(name)
        bytes.append(UInt8(ascii: "["))
        for (index, value) in list.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes.append(contentsOf: value.bytes)
        }
        bytes.append(UInt8(ascii: "]"))
    }

    private mutating func add(_ name: StaticString, raw: String) {
        begin(name)
        bytes.append(contentsOf: raw.utf8)
    }

    private mutating func begin(_ name: StaticString) {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
        append(quoted: name.description)
        bytes.append(UInt8(ascii: ":"))
    }

    /// A terminal may show the line: what would steer it, or change the order of what is shown, is written by its number (REQ-SEC-6).
    private mutating func append(quoted text: String) {
        bytes.append(UInt8(ascii: "\""))
        // The first bytes of all such characters beyond ASCII: most texts have none of them.
        if text.utf8.contains(where: { $0 == 0xC2 || $0 == 0xD8 || $0 == 0xE2 || $0 == 0xEF }) {
            for scalar in text.unicodeScalars {
                if scalar.value >= 0x80 && VisibleText.isHidden(scalar) {
                    bytes.append(jsonNumber: UInt16(truncatingIfNeeded: scalar.value))
                } else {
                    bytes.append(jsonEscaped: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
                }
            }
        } else {
            bytes.append(jsonEscaped: text.utf8)
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
