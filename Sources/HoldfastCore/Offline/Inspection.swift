package import HoldfastWire

// For those who look into a data directory, beside the gateway that has it: nothing here is used when serving.

/// What the store says of itself.
package struct StoreSummary: Equatable, Sendable {
    /// The store has everything up to here; the journal adds what follows.
    package var appliedThrough: Position
    /// Records up to here that nothing needs are deleted.
    package var trimmedThrough: Position
    /// Users and conversations as of the checkpoint; their numbers are 1 to this.
    package var userCount: UInt64
    package var conversationCount: UInt64
    /// The time of the last record that was applied, in milliseconds since 1970.
    package var timeMilliseconds: UInt64

    /// Reads it; zeros before the first checkpoint.
    package init(from snapshot: any StorageSnapshot) throws(StorageError) {
        appliedThrough = try snapshot.appliedThrough()
        trimmedThrough = Position(rawValue: try StoreMeta.read(.trimmedThrough, from: snapshot) ?? 0)
        userCount = (try StoreMeta.read(.nextUser, from: snapshot) ?? 1) - 1
        conversationCount = (try StoreMeta.read(.nextConversation, from: snapshot) ?? 1) - 1
        timeMilliseconds = try StoreMeta.read(.time, from: snapshot) ?? 0
    }
}

/// A user as he is stored.
package struct InspectedUser: Equatable, Sendable {
    /// A session as it is stored.
    package struct Session: Equatable, Sendable {
        package var id: SessionID
        /// Nil when it can't be told any more.
        package var device: [UInt8]?
        package var cursor: Position
        /// What the inbox got after the cursor.
        package var unacknowledgedMessages: UInt32
        package var lastSequence: MessageSequence
        package var attach: AttachNumber
        package var isSendOnly: Bool
        package var isService: Bool
        package var hasEnded: Bool
        /// Whom it may write to, as its token says it; nil: everybody.
        package var to: [String]?
    }

    package var number: UInt64
    package var name: [UInt8]
    /// What is kept in the inbox.
    package var inboxMessages: UInt32
    package var inboxBytes: UInt32
    /// The last message that the inbox got.
    package var lastPosition: Position
    package var sessions: [Session]
}

extension Core {
    /// How many users there are; their numbers are 1 to this.
    package var userCount: UInt64 { names.nextUser - 1 }

    /// The users, by their numbers, until `body` returns false: those of a core that was recovered, and those that only the store has.
    package func inspectUsers(from snapshot: any StorageSnapshot, _ body: (InspectedUser) -> Bool) throws(StorageError) {
        for number in 1..<names.nextUser {
            var image = users.find(number).map { users.image(of: $0) }
            if image == nil { image = try UserImage.read(number, from: snapshot) }
            guard let image else { continue }
            let (row, kept) = (image.row, image.row.kept(from: image.base))
            var name = names.userNames.changed(number)
            if name == nil { name = try snapshot.bytes(.userNames, StoreKey.number(number)) }
            let storedDevices = try snapshot.devices(of: number)
            let user = InspectedUser(
                number: number, name: name ?? [], inboxMessages: kept.count, inboxBytes: kept.bytes,
                lastPosition: row.inbox.last.position,
                sessions: image.sessions.map {
                    InspectedUser.Session(
                        $0, of: row, device: names.newDevice(of: $0.id) ?? storedDevices[$0.id], image.limits[$0.id])
                })
            guard body(user) else { return }
        }
    }
}

extension InspectedUser.Session {
    init(_ row: SessionRow, of user: UserRow, device: [UInt8]?, _ limit: RecipientLimit?) {
        self.init(
            id: row.id, device: device, cursor: row.cursor.position,
            unacknowledgedMessages: row.receives ? user.inbox.last.ordinal &- row.cursor.ordinal : 0, lastSequence: row.lastSequence,
            attach: row.storedAttach, isSendOnly: row.flags.contains(.isSendOnly), isService: row.flags.contains(.isService),
            hasEnded: row.flags.contains(.hasEnded), to: limit?.names)
    }
}
