package import HoldfastWire

/// Which timeline: an ordered list of positions that the store keeps.
package struct Timeline: Hashable, Sendable {
    /// Stored as the first byte of a timeline's key.
    package enum Kind: UInt8, Sendable {
        /// What a user's devices get; the id is the user's number.
        case inbox = 1
        /// The history of a conversation; the id is its number. Reserved: nothing makes one yet.
        case conversation = 2
    }
    package var kind: Kind
    package var id: UInt64

    package init(_ kind: Kind, _ id: UInt64) {
        self.kind = kind
        self.id = id
    }

    /// Of a user.
    package static func inbox(_ user: UInt64) -> Timeline { Timeline(.inbox, user) }
}

/// The mark of a place in a timeline: where the message is, and how many messages and bytes the timeline had ever got with it. Rows and cursors
/// keep it without the rest of the entry. The counters wrap; differences between two entries of one timeline are exact.
package struct InboxEntry: Equatable, Sendable {
    package var position: Position
    package var ordinal: UInt32
    package var cumulativeBytes: UInt32
    package init(position: Position, ordinal: UInt32, cumulativeBytes: UInt32) {
        self.position = position
        self.ordinal = ordinal
        self.cumulativeBytes = cumulativeBytes
    }
    /// Bytes of an encoded mark: position u64 | ordinal u32 | cumulative bytes u32, big-endian.
    package static let encodedCount = 16
}

/// What can be known of an entry's message without its record.
package struct TimelineFlags: OptionSet, Sendable {
    package let rawValue: UInt16
    package init(rawValue: UInt16) { self.rawValue = rawValue }

    /// A message for the timeline's owner.
    package static let countsAsUnread = TimelineFlags(rawValue: 1 << 0)
    /// The owner's own message, for the owner's other devices.
    package static let own = TimelineFlags(rawValue: 1 << 1)
    package static let recalledOrEdited = TimelineFlags(rawValue: 1 << 2)
    package static let tracked = TimelineFlags(rawValue: 1 << 3)
    package static let hasTTL = TimelineFlags(rawValue: 1 << 4)
    package static let hasCollapseKey = TimelineFlags(rawValue: 1 << 5)
    package static let urgent = TimelineFlags(rawValue: 1 << 6)
}

/// An entry of a timeline: its mark, its flags, and a number that says more of its place.
package struct TimelineEntry: Equatable, Sendable {
    package var mark: InboxEntry
    /// Flags u16 | reference u48, as they are stored.
    package private(set) var details: UInt64

    private static let referenceBits: UInt64 = 48

    /// - Parameter reference: in an inbox the conversation, in a conversation's timeline the sender's member number. 0 in an entry that was
    ///   migrated from format 1, which has no flags either: the record says both.
    package init(_ mark: InboxEntry, flags: TimelineFlags = [], reference: UInt64 = 0) {
        precondition(reference >> Self.referenceBits == 0, "an entry has room for 48 bits")
        self.mark = mark
        details = UInt64(flags.rawValue) << Self.referenceBits | reference
    }

    /// - Parameter details: as `details` gives them.
    package init(_ mark: InboxEntry, details: UInt64) {
        self.mark = mark
        self.details = details
    }

    /// Of a message in an inbox.
    /// - Parameter isOwn: the inbox is the sender's; a note to oneself is one's own message, too.
    init(_ mark: InboxEntry, in conversation: ConversationNumber, isOwn: Bool) {
        self.init(mark, flags: isOwn ? .own : .countsAsUnread, reference: conversation.rawValue)
    }

    package var position: Position { mark.position }
    package var flags: TimelineFlags { TimelineFlags(rawValue: UInt16(details >> Self.referenceBits)) }
    package var reference: UInt64 { details & (1 << Self.referenceBits - 1) }

    /// Bytes of an encoded entry: the mark | flags u16 | reference u48, big-endian.
    package static let encodedCount = InboxEntry.encodedCount + 8
}
