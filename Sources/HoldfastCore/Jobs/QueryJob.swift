import HoldfastWire

// Questions of a port that rows in RAM don't answer. The core copies what only it knows; a reader adds what the disk has, from one view; and
// the core puts the two together. A view older than the last checkpoint lacks rows that the core may have let go of: then it is asked again.

/// A question for a reader.
package struct QueryJob: Sendable {
    let reply: ReplyID
    let query: Query

    enum Query: Sendable {
        case users(UserScan)
        case user(number: UInt64, UserDetails, base: Position)
        case message(Position)
        case connections(ConnectionPage)
        case audit(AuditScan)
        case events(FeedScan)
    }

    /// The position that the copy of the core holds for, and the checkpoint that it knew as the last one.
    let through: Position
    let checkpoint: UInt64

    package func run(on storage: any Storage) throws(StorageError) -> QueryResult {
        var result = QueryResult(job: self, checkpoint: 0, found: .nothing)
        try storage.read { (snapshot) throws(StorageError) in
            result.checkpoint = try snapshot.checkpoint()
            result.found = try answer(from: snapshot)
        }
        return result
    }

    private func answer(from snapshot: any StorageSnapshot) throws(StorageError) -> QueryResult.Found {
        switch query {
        case .users(let scan): return .users(try scan.page(from: snapshot))
        case .user(let number, var details, let base):
            let devices = try snapshot.devices(of: number)
            for index in details.sessions.indices where details.sessions[index].device.isEmpty {
                details.sessions[index].device = devices[details.sessions[index].id] ?? []
            }
            var entries = ContiguousArray<TimelineEntry>()
            try snapshot.entries(of: .inbox(number), after: base, limit: 1, into: &entries)
            // What the disk has is older than what RAM has.
            if let first = entries.first, details.inbox.messages > 0, first.position <= details.oldest?.position ?? through {
                details.oldest = .init(position: first.position)
            }
            var message: MessageRecord?
            if let position = details.oldest?.position { message = try Self.message(at: position, from: snapshot) }
            return .user(details, oldest: message)
        case .message(let position):
            guard let message = try Self.message(at: position, from: snapshot) else { return .nothing }
            var people: [QueryResult.Person] = []
            for recipient in message.recipients {
                people.append(try Self.person(recipient.user, image: recipient.refusal == nil, from: snapshot))
            }
            return .message(message, sender: try Self.person(message.sender, image: false, from: snapshot), people)
        case .connections(var page):
            /// Of the last user: his sessions may be neighbours.
            var (owner, devices): (UInt64, [SessionID: [UInt8]]) = (0, [:])
            for index in page.connections.indices {
                let session = page.connections[index].session
                if page.connections[index].user.isEmpty {
                    page.connections[index].user = try snapshot.bytes(.userNames, StoreKey.number(session.userNumber)) ?? []
                }
                guard page.connections[index].device.isEmpty else { continue }
                if owner != session.userNumber { (owner, devices) = (session.userNumber, try snapshot.devices(of: session.userNumber)) }
                page.connections[index].device = devices[session] ?? []
            }
            return .connections(page)
        case .audit(let scan): return .audit(try scan.page(from: snapshot, through: through))
        case .events(let scan): return .events(try scan.page(from: snapshot, through: through))
        }
    }

    private static func message(at position: Position, from snapshot: any StorageSnapshot) throws(StorageError) -> MessageRecord? {
        var message: MessageRecord?
        _ = try snapshot.record(at: position) { bytes in if case .message(let found)? = Record.decode(bytes) { message = found } }
        return message
    }

    private static func person(_ number: UInt64, image: Bool, from snapshot: any StorageSnapshot) throws(StorageError) -> QueryResult.Person
    {
        guard number != 0 else { return .init(name: [], image: nil, devices: [:]) }
        return .init(
            name: try snapshot.bytes(.userNames, StoreKey.number(number)) ?? [],
            image: image ? try UserImage.read(number, from: snapshot) : nil,
            devices: image ? try snapshot.devices(of: number) : [:])
    }
}

package struct QueryResult: Sendable {
    enum Found: Sendable {
        case nothing
        case users(UserPage)
        case user(UserDetails, oldest: MessageRecord?)
        case message(MessageRecord, sender: Person, [Person])
        case connections(ConnectionPage)
        case audit(AuditPage)
        case events(FeedPage)
    }

    /// What the disk has of a user.
    struct Person: Sendable {
        var name: [UInt8]
        var image: UserImage?
        var devices: [SessionID: [UInt8]]
    }

    let job: QueryJob
    /// The checkpoint that the view has.
    var checkpoint: UInt64
    var found: Found
}

/// The search for a page of users among those that the store lacks, in slices: their numbers are given out one after the other, so the store has
/// all below one of them.
struct UserScan: Sendable {
    let after: UInt64
    let prefix: [UInt8]
    let limit: Int
    /// The next number to be looked at.
    var number: UInt64
    /// The first ones that were found, one more than the page has.
    var recent: [UserPage.User] = []

    init(after: UInt64, prefix: [UInt8], limit: Int, from number: UInt64) {
        self.after = after
        self.prefix = prefix
        self.limit = limit
        self.number = max(after + 1, number)
    }

    /// As many rows of the store as a page of those with a prefix looks at.
    private static let rowsMax = 100_000

    func page(from snapshot: any StorageSnapshot) throws(StorageError) -> UserPage {
        var users: [UserPage.User] = []
        var looked = 0
        var last = after
        try snapshot.scan(.userNames, from: StoreKey.number(after + 1).span) { key, name in
            var reader = ByteReader(key)
            guard let number = reader.integer(UInt64.self), number < recent.first?.number ?? .max else { return false }
            looked += 1
            last = number
            if name.starts(with: prefix) { users.append(.init(number: number, name: [UInt8](name, 0..<name.count))) }
            return users.count <= limit && looked < Self.rowsMax
        }
        if looked == Self.rowsMax, users.count <= limit { return UserPage(users: users, next: last) }
        users.append(contentsOf: recent)
        let hasMore = users.count > limit
        let page = Array(users.prefix(limit))
        return UserPage(users: page, next: hasMore ? page.last?.number : nil)
    }
}

extension Span<UInt8> {
    fileprivate func starts(with prefix: [UInt8]) -> Bool {
        guard count >= prefix.count else { return false }
        for index in prefix.indices where self[index] != prefix[index] { return false }
        return true
    }
}
