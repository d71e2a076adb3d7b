/// A value of JSON. Numbers stay as they are written: what they may be is for the field to say.
package enum JSONValue: Equatable, Sendable {
    case null
    case bool(Bool)
    case number(String)
    case text(String)
    case list([JSONValue])
    /// The members in their order; no name comes twice.
    case object([Member])

    package struct Member: Equatable, Sendable {
        package var name: String
        package var value: JSONValue

        package init(name: String, value: JSONValue) {
            self.name = name
            self.value = value
        }
    }

    /// What it is, in words.
    var kindText: String {
        switch self {
        case .null: "null"
        case .bool: "true or false"
        case .number: "a number"
        case .text: "a text"
        case .list: "a list"
        case .object: "an object"
        }
    }
}

/// Why bytes aren't JSON.
package struct JSONFault: Error, Equatable, Sendable {
    /// Where, in bytes from the beginning.
    package var offset: Int
    package var reason: String
}
