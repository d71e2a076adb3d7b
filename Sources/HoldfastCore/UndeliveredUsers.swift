package import HoldfastWire
internal import Synchronization

/// Users for whom messages were stored while none of their devices was there: a hint, so that in a storm those go first for whom something
/// waits. Written by the core, read by the event loops.
///
/// A set of bits by user number: small, bounded, and never right for sure. Users may share a bit, one of several devices may have read
/// all, and what was stored before the gateway's start isn't in it.
package final class UndeliveredUsers: Sendable {
    /// 128 KiB. With more users away than bits, everybody counts as one for whom something waits, and the order is that of arrival.
    private static let wordCount = 16_384
    private let words: InlineArray<16_384, Atomic<UInt64>>

    package init() { words = InlineArray { _ in Atomic(0) } }

    /// A message waits for the user.
    func insert(_ user: UInt64) {
        let (word, bit) = Self.place(user)
        // Mostly it is set already, and reading doesn't take the line from the loops.
        if words[word].load(ordering: .relaxed) & bit == 0 { words[word].bitwiseOr(bit, ordering: .relaxed) }
    }

    /// A device of the user has everything.
    func remove(_ user: UInt64) {
        let (word, bit) = Self.place(user)
        if words[word].load(ordering: .relaxed) & bit != 0 { words[word].bitwiseAnd(~bit, ordering: .relaxed) }
    }

    /// Whether something waits, as far as is known, for the session's user.
    package func contains(_ session: SessionID) -> Bool {
        let (word, bit) = Self.place(session.userNumber)
        return words[word].load(ordering: .relaxed) & bit != 0
    }

    private static func place(_ user: UInt64) -> (word: Int, bit: UInt64) {
        (Int(user / 64 % UInt64(wordCount)), 1 << (user % 64))
    }
}
