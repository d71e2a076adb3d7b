/// What stands at the top level of an XMPP stream (RFC 6120, section 4).
enum XMLItem: Equatable {
    /// `<?xml …?>`
    case declaration
    /// `<stream:stream …>`, which stays open.
    case streamOpened
    case streamClosed
    case element(XMLElement)
}

/// An element with all that is in it. Namespace prefixes are part of the names.
struct XMLElement: Equatable {
    var name: String
    var attributes: [String: String] = [:]
    /// Text directly inside, put together.
    var text = ""
    var children: [XMLElement] = []

    /// The first child of this name.
    func child(_ name: String) -> XMLElement? { children.first { $0.name == name } }
}

/// Why bytes from a server can't be read.
enum XMLError: Error, Equatable {
    /// More bytes in an element than the client takes.
    case tooLarge
    case tooDeep
    /// Comments, document types, CDATA and instructions have no place in a stream (section 11.1), or aren't used.
    case forbidden
    case malformed
}
