/// What a token allows its bearer to do: a word of its claim `scope`.
package enum ControlScope: String, CaseIterable, Sendable {
    /// Messages in the name of the token's user.
    case push
    /// Messages in the name of any user.
    case pushAs = "push:as"
    /// Questions.
    case read
    /// What changes users, sessions and the gateway.
    case operate
    /// The feed of events.
    case events
    /// The bodies of messages in it.
    case eventsBodies = "events:bodies"
}
