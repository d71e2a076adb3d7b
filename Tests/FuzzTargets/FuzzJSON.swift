import Foundation
import HoldfastControl
import HoldfastGateway

/// What is JSON is the same value when it is written and read again, whatever space stands around it, and Foundation reads the same texts in it. What
/// isn't JSON is so from a place on that is in the text.
func fuzzJSON(_ bytes: [UInt8]) {
    let value: JSONValue
    do throws(JSONFault) { value = try JSONParser.parse(bytes) } catch {
        return precondition((0...bytes.count).contains(error.offset), "the fault lies outside of the text")
    }
    precondition(value.depth <= JSONParser.depthMax, "a value is deeper than the limit")
    precondition(String(validating: bytes, as: UTF8.self) != nil, "JSON that isn't UTF-8 was read")
    let written = value.json
    // Texts are compared by their bytes: Swift takes some for equal that have others.
    precondition((try? JSONParser.parse(written))?.json == written, "a value changed when it was written and read")
    precondition((try? JSONParser.parse([0x20, 0x0A] + bytes + [0x0D, 0x09]))?.json == written, "space changed a value")
    precondition((try? JSONParser.parse(bytes + Array(",1".utf8))) == nil, "what follows a value was overlooked")
    // Numbers are kept as they are written, also those that Foundation's types can't hold.
    guard !value.hasNumber else { return }
    let theirs = try? JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
    precondition(theirs.map { value.isSame(as: $0) } == true, "another parser doesn't read the same")
}

extension JSONValue {
    var depth: Int {
        switch self {
        case .list(let values): 1 + (values.map(\.depth).max() ?? -1)
        case .object(let members): 1 + (members.map(\.value.depth).max() ?? -1)
        default: 0
        }
    }

    /// The value as a text, with the escapes that the API's answers have.
    var json: [UInt8] {
        var out: [UInt8] = []
        write(to: &out)
        return out
    }

    private func write(to out: inout [UInt8]) {
        func quote(_ text: String, _ out: inout [UInt8]) {
            out.append(UInt8(ascii: "\""))
            out.append(jsonEscaped: text.utf8)
            out.append(UInt8(ascii: "\""))
        }
        switch self {
        case .null: out += "null".utf8
        case .bool(let flag): out += "\(flag)".utf8
        case .number(let text): out += text.utf8
        case .text(let text): quote(text, &out)
        case .list(let values):
            out.append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                if index > 0 { out.append(UInt8(ascii: ",")) }
                value.write(to: &out)
            }
            out.append(UInt8(ascii: "]"))
        case .object(let members):
            out.append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { out.append(UInt8(ascii: ",")) }
                quote(member.name, &out)
                out.append(UInt8(ascii: ":"))
                member.value.write(to: &out)
            }
            out.append(UInt8(ascii: "}"))
        }
    }

    var hasNumber: Bool {
        switch self {
        case .number: true
        case .list(let values): values.contains(where: \.hasNumber)
        case .object(let members): members.contains(where: \.value.hasNumber)
        default: false
        }
    }

    /// Whether Foundation's value is this one, numbers aside.
    func isSame(as other: Any) -> Bool {
        switch self {
        case .null: return other is NSNull
        case .bool(let flag): return other as? Bool == flag
        case .number: return other is NSNumber
        case .text(let text): return (other as? String).map { $0.utf8.elementsEqual(text.utf8) } ?? false
        case .list(let values):
            guard let others = other as? [Any], others.count == values.count else { return false }
            return zip(values, others).allSatisfy { $0.isSame(as: $1) }
        case .object(let members):
            guard let others = other as? [String: Any], others.count == members.count else { return false }
            return members.allSatisfy { member in others[member.name].map { member.value.isSame(as: $0) } ?? false }
        }
    }

    /// Whether a JSON pointer (RFC 6901) names a place of this value, or a member that an object of it lacks.
    func has(_ pointer: some Collection<UInt8>) -> Bool {
        guard let first = pointer.first else { return true }
        guard first == UInt8(ascii: "/") else { return false }
        let rest = pointer.dropFirst()
        let token = rest.prefix { $0 != UInt8(ascii: "/") }
        guard let name = Self.unescaped(token) else { return false }
        let after = rest.dropFirst(token.count)
        switch self {
        case .list(let values):
            guard let index = Int(String(decoding: name, as: UTF8.self)), values.indices.contains(index) else { return false }
            return values[index].has(after)
        case .object(let members):
            guard let member = members.first(where: { $0.name.utf8.elementsEqual(name) }) else { return after.isEmpty }
            return member.value.has(after)
        default: return false
        }
    }

    private static func unescaped(_ token: some Collection<UInt8>) -> [UInt8]? {
        var name: [UInt8] = []
        var rest = token[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "~") else {
                name.append(byte)
                continue
            }
            switch rest.popFirst() {
            case UInt8(ascii: "0"): name.append(UInt8(ascii: "~"))
            case UInt8(ascii: "1"): name.append(UInt8(ascii: "/"))
            default: return nil
            }
        }
        return name
    }
}
