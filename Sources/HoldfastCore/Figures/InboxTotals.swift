/// What all inboxes of a gateway hold together, and how many of them are near a limit. Most of them are on disk only, so nothing can count them when
/// somebody asks: the totals change with the inbox that changes, a checkpoint stores them with the rows, and a replay goes on from there.
package struct InboxTotals: Equatable, Sendable {
    /// What an inbox is compared with.
    package struct Limits: Equatable, Sendable {
        package var messages: UInt32
        package var bytes: UInt32

        /// A part of the limits in the configuration, at least 1.
        init(_ configuration: CoreConfiguration) {
            messages = Self.near(configuration.inboxMessagesMax)
            bytes = Self.near(configuration.inboxBytesMax)
        }

        /// nil: the store has none.
        init?(packed: UInt64) {
            guard packed != 0 else { return nil }
            (messages, bytes) = (UInt32(packed >> 32), UInt32(truncatingIfNeeded: packed))
        }

        /// Of a limit, 80 %.
        private static func near(_ limit: UInt32) -> UInt32 { max(1, UInt32(UInt64(limit) * 4 / 5)) }

        /// As the store has them: messages u32 | bytes u32.
        var packed: UInt64 { UInt64(messages) << 32 | UInt64(bytes) }
    }

    package let limits: Limits
    /// Messages that are kept, and bytes of their bodies.
    package private(set) var messages: UInt64 = 0
    package private(set) var bytes: UInt64 = 0
    /// Inboxes that hold more messages than `limits` says, and more bytes.
    package private(set) var nearMessages: UInt32 = 0
    package private(set) var nearBytes: UInt32 = 0
    /// Whether everything was counted. Whoever only looks into a directory doesn't count the rows that others have made.
    package private(set) var isKnown = true

    init(_ limits: Limits) { self.limits = limits }

    typealias Kept = (count: UInt32, bytes: UInt32)

    /// An inbox has changed.
    mutating func changed(from before: Kept, to after: Kept) {
        messages = messages &+ UInt64(after.count) &- UInt64(before.count)
        bytes = bytes &+ UInt64(after.bytes) &- UInt64(before.bytes)
        if (before.count > limits.messages) != (after.count > limits.messages) {
            nearMessages = before.count > limits.messages ? nearMessages &- 1 : nearMessages &+ 1
        }
        if (before.bytes > limits.bytes) != (after.bytes > limits.bytes) {
            nearBytes = before.bytes > limits.bytes ? nearBytes &- 1 : nearBytes &+ 1
        }
    }

    // MARK: Rows

    /// As the last checkpoint stored them, or counted anew when that was never done, or with other limits.
    /// - Parameter counts: false: they stay unknown then.
    mutating func load(_ snapshot: any StorageSnapshot, counts: Bool) throws(StorageError) {
        guard try StoreMeta.read(.inboxLimits, from: snapshot) == limits.packed else {
            if counts { try count(snapshot) } else { isKnown = false }
            return
        }
        messages = try StoreMeta.read(.inboxMessages, from: snapshot) ?? 0
        bytes = try StoreMeta.read(.inboxBytes, from: snapshot) ?? 0
        let near = try StoreMeta.read(.inboxesNearLimit, from: snapshot) ?? 0
        (nearMessages, nearBytes) = (UInt32(near >> 32), UInt32(truncatingIfNeeded: near))
    }

    /// A row that is damaged isn't counted: who needs it finds that out.
    private mutating func count(_ snapshot: any StorageSnapshot) throws(StorageError) {
        try snapshot.scan(.users, from: [UInt8]().span) { key, value in
            var reader = ByteReader(key)
            guard let number = reader.integer(UInt64.self), let image = UserImage(decoding: value, number: number) else { return true }
            changed(from: (0, 0), to: image.row.kept(from: image.base))
            return true
        }
    }

    /// The rows of the store. Unknown totals have no limits, so that the next start counts.
    var rows: [(StoreMeta, UInt64)] {
        [
            (.inboxLimits, isKnown ? limits.packed : 0), (.inboxMessages, messages), (.inboxBytes, bytes),
            (.inboxesNearLimit, UInt64(nearMessages) << 32 | UInt64(nearBytes)),
        ]
    }
}
