import Foundation

/// Protocol/ of this repository, which the tests read.
enum ProtocolFolder {
    static let url = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Protocol")

    static func json<Value: Decodable>(_ path: String, as type: Value.Type = Value.self) throws -> Value {
        try JSONDecoder().decode(Value.self, from: Data(contentsOf: url.appending(path: "vectors/\(path)")))
    }

    static func specification() throws -> String {
        try String(contentsOf: url.appending(path: "SPEC.md"), encoding: .utf8)
    }
}

/// A JSON value of the vectors. 64-bit numbers are strings of hexadecimal digits; bytes are text, or {"hex": "…"}.
enum Field: Decodable, Equatable, Sendable {
    case null
    case bool(Bool)
    case number(UInt64)
    case negative(Int64)
    case text(String)
    case list([Field])
    case object([String: Field])

    init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if value.decodeNil() {
            self = .null
        } else if let bool = try? value.decode(Bool.self) {
            self = .bool(bool)
        } else if let number = try? value.decode(UInt64.self) {
            self = .number(number)
        } else if let number = try? value.decode(Int64.self) {
            self = .negative(number)
        } else if let text = try? value.decode(String.self) {
            self = .text(text)
        } else if let list = try? value.decode([Field].self) {
            self = .list(list)
        } else {
            self = .object(try value.decode([String: Field].self))
        }
    }
}

/// What is wrong with a vector.
struct VectorError: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}

extension Field {
    subscript(_ name: String) -> Field {
        get throws {
            guard case .object(let fields) = self, let field = fields[name] else { throw VectorError("no field \(name) in \(self)") }
            return field
        }
    }

    func optional(_ name: String) -> Field? {
        guard case .object(let fields) = self else { return nil }
        return fields[name]
    }

    func integer<Integer: FixedWidthInteger>(_ type: Integer.Type = Integer.self) throws -> Integer {
        let value: Integer? =
            switch self {
            case .number(let number): Integer(exactly: number)
            case .negative(let number): Integer(exactly: number)
            case .text(let text) where text.hasPrefix("0x"): Integer(text.dropFirst(2), radix: 16)
            default: nil
            }
        guard let value else { throw VectorError("no \(type): \(self)") }
        return value
    }

    func text() throws -> String {
        guard case .text(let text) = self else { throw VectorError("no text: \(self)") }
        return text
    }

    func bool() throws -> Bool {
        guard case .bool(let bool) = self else { throw VectorError("no Boolean: \(self)") }
        return bool
    }

    func list() throws -> [Field] {
        guard case .list(let list) = self else { throw VectorError("no list: \(self)") }
        return list
    }

    func bytes() throws -> [UInt8] {
        if case .text(let text) = self { return Array(text.utf8) }
        return try self["hex"].text().bytesOfHex()
    }
}

extension String {
    func bytesOfHex() throws -> [UInt8] {
        let digits = Array(utf8.filter { $0 != UInt8(ascii: " ") })
        guard digits.count % 2 == 0 else { throw VectorError("an odd number of digits: \(self)") }
        return try stride(from: 0, to: digits.count, by: 2).map { index in
            guard let byte = UInt8(String(decoding: digits[index...index + 1], as: UTF8.self), radix: 16) else {
                throw VectorError("no hexadecimal digits: \(self)")
            }
            return byte
        }
    }
}

extension [UInt8] {
    var hex: String { map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() }
}
