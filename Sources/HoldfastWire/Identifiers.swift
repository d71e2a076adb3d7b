// Types that other modules handle for each frame are `@usableFromInline`: of those that are only `package` the compiler (6.3) keeps no bodies for
// them, whatever is `@inlinable`, and a comparison becomes a call through a table.

/// The state of one user on one device, made once and kept over every resume (SPEC 4.1).
@usableFromInline package struct SessionID: RawRepresentable, Hashable, Sendable {
    /// The number itself.
    @usableFromInline package let rawValue: UInt64
    /// Takes the number as it is.
    @inlinable package init(rawValue: UInt64) { self.rawValue = rawValue }
}

/// The fence of a session: which of its connections is the newest (SPEC 4.2). 0 means none yet.
@usableFromInline package struct AttachNumber: RawRepresentable, Hashable, Comparable, Sendable {
    /// The number itself.
    @usableFromInline package let rawValue: UInt32
    /// Takes the number as it is.
    @inlinable package init(rawValue: UInt32) { self.rawValue = rawValue }
    /// By number.
    @inlinable package static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
    /// Before the first.
    @inlinable package static var none: AttachNumber { AttachNumber(rawValue: 0) }
}

/// The number of a message in its sender's session, 1 for the first, without holes (SPEC 4.3).
@usableFromInline package struct MessageSequence: RawRepresentable, Hashable, Comparable, Sendable {
    /// The number itself.
    @usableFromInline package let rawValue: UInt64
    /// Takes the number as it is.
    @inlinable package init(rawValue: UInt64) { self.rawValue = rawValue }
    /// By number.
    @inlinable package static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
    /// Before the first.
    @inlinable package static var none: MessageSequence { MessageSequence(rawValue: 0) }
    /// The largest number that a message can have (REQ-ENC-9). It leaves room above for sums of a sequence and a count.
    @inlinable package static var max: MessageSequence { MessageSequence(rawValue: UInt64.max >> 1) }
}

/// The place of a record in the gateway's one order (SPEC 4.4): era in the top 8 bits, rising, with holes, never reused.
@usableFromInline package struct Position: RawRepresentable, Hashable, Comparable, Sendable {
    /// The number itself.
    @usableFromInline package let rawValue: UInt64
    /// Takes the number as it is.
    @inlinable package init(rawValue: UInt64) { self.rawValue = rawValue }
    /// `offset` must be below 2^56.
    @inlinable package init(era: UInt8, offset: UInt64) { rawValue = UInt64(era) << 56 | offset }
    /// By number.
    @inlinable package static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
    /// Rises when a backup is restored or a repair applied.
    @inlinable package var era: UInt8 { UInt8(truncatingIfNeeded: rawValue >> 56) }
    /// Before every position of every era.
    @inlinable package static var zero: Position { Position(rawValue: 0) }
}

/// The permanent number of a conversation (SPEC 4.6).
@usableFromInline package struct ConversationNumber: RawRepresentable, Hashable, Sendable {
    /// The number itself.
    @usableFromInline package let rawValue: UInt64
    /// Takes the number as it is.
    @inlinable package init(rawValue: UInt64) { self.rawValue = rawValue }
}

/// What a message's body is; the gateway doesn't look into it (SPEC 3.6).
package enum MessageKind: UInt8, CaseIterable, Sendable {
    case text = 0
    case image, voice, video, file, location, card, custom, event
}
