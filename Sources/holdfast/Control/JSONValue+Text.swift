internal import HoldfastControl

extension JSONValue {
    /// As JSON, on one line.
    var json: String {
        switch self {
        case .null: "null"
        case .bool(let flag): "\(flag)"
        case .number(let text): text
        case .text(let text): JSONText.quoted(text).string
        case .list(let list): "[" + list.map(\.json).joined(separator: ",") + "]"
        case .object(let members): "{" + members.map { JSONText.quoted($0.name).string + ":" + $0.value.json }.joined(separator: ",") + "}"
        }
    }

    /// The value of a member; nil: there is none, or this is no object.
    subscript(name: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }

    /// For people: a text without quotes.
    var plain: String { if case .text(let text) = self { text } else { json } }
}
