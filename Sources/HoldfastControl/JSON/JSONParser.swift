/// Reads JSON (RFC 8259) strictly: the whole text is one value, UTF-8, no name twice in an object, and no lone surrogates.
package struct JSONParser {
    private let bytes: [UInt8]
    private var offset = 0

    /// Deeper values are refused: nothing that the API takes is, and reading goes down the stack.
    package static let depthMax = 16

    /// - Throws: where the text stops to be JSON.
    package static func parse(_ bytes: [UInt8]) throws(JSONFault) -> JSONValue {
        var parser = JSONParser(bytes: bytes)
        let value = try parser.value(depth: 0)
        parser.skipSpace()
        guard parser.offset == bytes.count else { throw parser.fault("more follows after the value") }
        return value
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    private func fault(_ reason: String) -> JSONFault { JSONFault(offset: offset, reason: reason) }

    private var byte: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    private mutating func skipSpace() {
        while let byte, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { offset += 1 }
    }

    private mutating func take(_ wanted: Unicode.Scalar) -> Bool {
        guard byte == UInt8(ascii: wanted) else { return false }
        offset += 1
        return true
    }

    private mutating func value(depth: Int) throws(JSONFault) -> JSONValue {
        guard depth <= Self.depthMax else { throw fault("values are nested deeper than \(Self.depthMax)") }
        skipSpace()
        switch byte {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try list(depth: depth)
        case UInt8(ascii: "\""): return .text(try text())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case nil: throw fault("the text ends where a value is expected")
        case let byte? where byte == UInt8(ascii: "-") || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte: return .number(try number())
        default: throw fault("no value begins here")
        }
    }

    private mutating func word(_ word: StaticString, _ value: JSONValue) throws(JSONFault) -> JSONValue {
        for wanted in word.description.utf8 {
            guard byte == wanted else { throw fault("no value begins here") }
            offset += 1
        }
        return value
    }

    private mutating func object(depth: Int) throws(JSONFault) -> JSONValue {
        offset += 1
        var members: [JSONValue.Member] = []
        var names: Set<String> = []
        skipSpace()
        if take("}") { return .object([]) }
        while true {
            skipSpace()
            guard byte == UInt8(ascii: "\"") else { throw fault("a member's name in double quotes is expected") }
            let start = offset
            let name = try text()
            let isNew = members.count < Self.fewMembers ? !members.contains { $0.name == name } : isNew(name, members, &names)
            guard isNew else {
                offset = start
                throw fault("the name comes twice in its object")
            }
            skipSpace()
            guard take(":") else { throw fault("a colon is expected") }
            members.append(JSONValue.Member(name: name, value: try value(depth: depth + 1)))
            skipSpace()
            if take("}") { return .object(members) }
            guard take(",") else { throw fault("a comma or } is expected") }
        }
    }

    /// Of so many names a search finds one that comes twice; more have a set, so that an object of any size takes no longer than its bytes.
    private static let fewMembers = 12

    private func isNew(_ name: String, _ members: [JSONValue.Member], _ names: inout Set<String>) -> Bool {
        if names.isEmpty { names = Set(members.map(\.name)) }
        return names.insert(name).inserted
    }

    private mutating func list(depth: Int) throws(JSONFault) -> JSONValue {
        offset += 1
        var elements: [JSONValue] = []
        skipSpace()
        if take("]") { return .list([]) }
        while true {
            elements.append(try value(depth: depth + 1))
            skipSpace()
            if take("]") { return .list(elements) }
            guard take(",") else { throw fault("a comma or ] is expected") }
        }
    }

    private mutating func digits() throws(JSONFault) {
        let start = offset
        while let byte, UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte { offset += 1 }
        guard offset > start else { throw fault("a digit is expected") }
    }

    private mutating func number() throws(JSONFault) -> String {
        let start = offset
        _ = take("-")
        if !take("0") { try digits() }
        if take(".") { try digits() }
        if take("e") || take("E") {
            if !take("+") { _ = take("-") }
            try digits()
        }
        return String(decoding: bytes[start..<offset], as: UTF8.self)
    }

    private mutating func text() throws(JSONFault) -> String {
        offset += 1
        let start = offset
        while let byte, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 { offset += 1 }
        // Most texts have no escape.
        if byte == UInt8(ascii: "\"") {
            defer { offset += 1 }
            return try validated(bytes[start..<offset], from: start)
        }
        var decoded = Array(bytes[start..<offset])
        while let byte {
            offset += 1
            switch byte {
            case UInt8(ascii: "\""): return try validated(decoded[...], from: start)
            case UInt8(ascii: "\\"): try escape(into: &decoded)
            case 0..<0x20:
                offset -= 1
                throw fault("a control character stands in a text; write it as \\u00…")
            default: decoded.append(byte)
            }
        }
        throw fault("the text ends before its closing quote")
    }

    private func validated(_ utf8: ArraySlice<UInt8>, from start: Int) throws(JSONFault) -> String {
        guard let text = String(validating: utf8, as: UTF8.self) else { throw JSONFault(offset: start, reason: "the text is not UTF-8") }
        return text
    }

    private mutating func escape(into decoded: inout [UInt8]) throws(JSONFault) {
        guard let byte else { throw fault("the text ends in an escape") }
        offset += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): decoded.append(byte)
        case UInt8(ascii: "b"): decoded.append(0x08)
        case UInt8(ascii: "f"): decoded.append(0x0C)
        case UInt8(ascii: "n"): decoded.append(0x0A)
        case UInt8(ascii: "r"): decoded.append(0x0D)
        case UInt8(ascii: "t"): decoded.append(0x09)
        case UInt8(ascii: "u"):
            var code = try hexadecimal()
            if 0xD800...0xDBFF ~= code {
                guard take("\\"), take("u") else { throw fault("half of a surrogate pair stands alone") }
                let low = try hexadecimal()
                guard 0xDC00...0xDFFF ~= low else { throw fault("half of a surrogate pair stands alone") }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw fault("half of a surrogate pair stands alone") }
            decoded.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
        default:
            offset -= 1
            throw fault("there is no such escape")
        }
    }

    private mutating func hexadecimal() throws(JSONFault) -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let byte, let digit = Self.value(ofDigit: byte) else { throw fault("four hexadecimal digits are expected") }
            offset += 1
            code = code << 4 | digit
        }
        return code
    }

    private static func value(ofDigit byte: UInt8) -> UInt32? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte - UInt8(ascii: "a")) + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte - UInt8(ascii: "A")) + 10
        default: nil
        }
    }
}
