/// What a token allows at the control API: its claim `scope`, names with a space between them (RFC 8693, 4.2).
package struct TokenScopes: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Messages in the name of the token's user.
    package static let push = TokenScopes(rawValue: 1)
    /// Messages in the name of others.
    package static let pushAs = TokenScopes(rawValue: 2)
    /// Questions.
    package static let read = TokenScopes(rawValue: 4)
    /// To revoke, to block, to disconnect.
    package static let operate = TokenScopes(rawValue: 8)
    /// The feed of events.
    package static let events = TokenScopes(rawValue: 16)
    /// The feed with the bodies of messages.
    package static let eventsBodies = TokenScopes(rawValue: 32)

    /// Every scope with its name, in the order in which they are listed.
    package static let all: [(name: String, scope: TokenScopes)] = [
        ("push", .push), ("push:as", .pushAs), ("read", .read), ("operate", .operate), ("events", .events),
        ("events:bodies", .eventsBodies),
    ]

    /// The scope of a name; nil when there is none.
    package static func named(_ name: some StringProtocol) -> TokenScopes? { all.first { $0.name == name }?.scope }

    /// The scopes of a claim. A name that isn't known is another service's and counts for nothing (RFC 6749, 3.3).
    package init(claim: String) {
        self = []
        for name in claim.split(separator: " ") { if let scope = Self.named(name) { insert(scope) } }
    }

    /// The names, in the order of `all`.
    package var names: [String] { Self.all.filter { contains($0.scope) }.map(\.name) }

    /// The claim that says so.
    package var claim: String { names.joined(separator: " ") }
}
