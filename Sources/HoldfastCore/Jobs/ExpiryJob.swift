import HoldfastWire

/// Whose inboxes have messages that are older than they keep.
package struct ExpiryPlan: Sendable {
    struct User: Sendable {
        /// The row on disk, for a user who isn't in RAM.
        var image: UserImage
        /// The last of his messages that are too old.
        var through: InboxEntry
    }

    var users: ContiguousArray<User> = []
    /// Every message up to here that some inbox holds has been looked at.
    var scannedThrough: Position
    /// Nothing is left up to the position that was asked for.
    var isDone = true
    /// The checkpoint that the view has.
    var checkpoint: UInt64
}

/// Looks for whom messages up to a position are, from the oldest on: all of them are too old. Only messages that an inbox on disk holds are looked
/// at; younger than a checkpoint means younger than any limit.
package struct ExpiryJob: Sendable {
    let after: Position
    let through: Position
    let messagesMax: Int

    package func run(on storage: any Storage) throws(StorageError) -> ExpiryPlan {
        var plan = ExpiryPlan(scannedThrough: after, checkpoint: 0)
        try storage.read { (snapshot) throws(StorageError) in
            plan.checkpoint = try snapshot.checkpoint()
            var lastOf: [UInt64: Position] = [:]
            let kept = try snapshot.keptPositions(after: after, through: through, limit: messagesMax)
            plan.isDone = kept.count < messagesMax
            for position in kept {
                var message: MessageRecord?
                _ = try snapshot.record(at: position) { bytes in
                    if case .message(let found)? = Record.decode(bytes) { message = found }
                }
                if let message {
                    for recipient in message.recipients where recipient.refusal == nil { lastOf[recipient.user] = position }
                    if message.echoes { lastOf[message.sender] = position }
                }
                plan.scannedThrough = position
            }
            if plan.isDone { plan.scannedThrough = through }
            for (user, position) in lastOf.sorted(by: { $0.key < $1.key }) {
                guard let image = try UserImage.read(user, from: snapshot),
                    let through = try snapshot.entry(of: .inbox(user), atOrBefore: position)?.mark
                else { continue }
                plan.users.append(.init(image: image, through: through))
            }
        }
        return plan
    }
}
