/// Takes the fields out of a JSON object one by one, and refuses what is left: each error names its field by a JSON pointer (RFC 6901).
package struct JSONFields {
    /// Of the object itself; empty: it is the body.
    let pointer: String
    /// In the order of the text; nil: the field was taken. There are few, and none of a name twice.
    private var members: [JSONValue.Member?]

    /// - Parameter pointer: where the value stands.
    package init(_ value: JSONValue, at pointer: String = "") throws(Problem) {
        guard case .object(let list) = value else { throw .field(pointer, "This must be an object, not \(value.kindText).") }
        self.pointer = pointer
        members = list
    }

    /// The pointer of a field.
    func path(_ name: String) -> String { Self.path(pointer, name) }

    package static func path(_ pointer: String, _ name: String) -> String {
        // By bytes: a tilde or a slash that bears an accent is another character to Swift.
        let escaped = name.utf8.flatMap { byte -> [UInt8] in
            switch byte {
            case UInt8(ascii: "~"): Array("~0".utf8)
            case UInt8(ascii: "/"): Array("~1".utf8)
            default: [byte]
            }
        }
        return pointer + "/" + String(decoding: escaped, as: UTF8.self)
    }

    /// Any value; nil: the field isn't there.
    mutating func take(_ name: String) -> JSONValue? {
        guard let index = members.firstIndex(where: { $0?.name == name }) else { return nil }
        defer { members[index] = nil }
        return members[index]?.value
    }

    /// A value that must be there.
    mutating func require(_ name: String) throws(Problem) -> JSONValue {
        guard let value = take(name) else { throw .field(path(name), "The field is missing.") }
        return value
    }

    /// A text of so many bytes of UTF-8; nil: the field isn't there.
    mutating func text(_ name: String, bytes: ClosedRange<Int>) throws(Problem) -> String? {
        guard let value = take(name) else { return nil }
        return try Self.text(value, at: path(name), bytes: bytes)
    }

    static func text(_ value: JSONValue, at pointer: @autoclosure () -> String, bytes: ClosedRange<Int>) throws(Problem) -> String {
        guard case .text(let text) = value else { throw .field(pointer(), "This must be a text, not \(value.kindText).") }
        let count = text.utf8.count
        guard bytes.contains(count) else {
            throw .field(pointer(), "The text has \(count) bytes of UTF-8; it can have \(bytes.lowerBound) to \(bytes.upperBound).")
        }
        return text
    }

    /// A flag; nil: the field isn't there.
    mutating func flag(_ name: String) throws(Problem) -> Bool? {
        guard let value = take(name) else { return nil }
        guard case .bool(let flag) = value else { throw .field(path(name), "This must be true or false, not \(value.kindText).") }
        return flag
    }

    /// A whole number; nil: the field isn't there.
    mutating func integer(_ name: String, _ range: ClosedRange<Int>) throws(Problem) -> Int? {
        guard let value = take(name) else { return nil }
        guard case .number(let text) = value else { throw .field(path(name), "This must be a whole number, not \(value.kindText).") }
        // JSON has one kind of numbers: 5 and 5.0 are the same.
        let parts = text.split(separator: ".", maxSplits: 1)
        guard parts.count == 1 || parts[1].utf8.allSatisfy({ $0 == UInt8(ascii: "0") }), let number = Int(parts[0]), range.contains(number)
        else {
            throw .field(path(name), "\(text.prefix(32)) is not a whole number from \(range.lowerBound) to \(range.upperBound).")
        }
        return number
    }

    /// A number of 64 bits, written as a text; nil: the field isn't there.
    mutating func number64(_ name: String) throws(Problem) -> UInt64? {
        guard let text = try text(name, bytes: 1...20) else { return nil }
        guard let number = Self.number64(text) else {
            throw .field(path(name), "\"\(text)\" is not a whole number from 0 to \(UInt64.max), in decimal digits.")
        }
        return number
    }

    /// Digits only, without zeros before them.
    package static func number64(_ text: some StringProtocol) -> UInt64? {
        guard let number = UInt64(text), String(number) == text else { return nil }
        return number
    }

    /// Refuses fields that nobody has taken.
    func finish() throws(Problem) {
        guard let left = members.lazy.compactMap(\.self).first else { return }
        throw .field(path(left.name), "There is no such field here.")
    }
}
