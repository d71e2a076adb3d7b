import HoldfastWire

/// A question whose answer is more than the rows of one user: the core copies what the store doesn't have of it, and a reader adds the rest from one
/// view.
package struct QueryJob: Sendable {
    let reply: ReplyID
    let query: Query

    enum Query: Sendable {
        /// - recent: users behind those that the store has.
        case users(after: UInt64, limit: Int, recent: [UserPage.User])
        case audit(AuditScan)
    }

    /// What the answer holds for: everything up to here, and nothing later.
    let through: Position
    /// The copy lacks what this checkpoint wrote: an older view would lack it, too.
    let writtenThrough: Position

    package func run(on storage: any Storage) throws(StorageError) -> QueryResult {
        var result = QueryResult(job: self, appliedThrough: .zero, found: .nothing)
        try storage.read { (snapshot) throws(StorageError) in
            result.appliedThrough = try snapshot.appliedThrough()
            result.found = try answer(from: snapshot)
        }
        return result
    }

    private func answer(from snapshot: any StorageSnapshot) throws(StorageError) -> QueryResult.Found {
        switch query {
        case .users(let after, let limit, let recent):
            return .users(try Self.users(after: after, limit: limit, recent, from: snapshot))
        case .audit(let scan): return .audit(try scan.page(from: snapshot, through: through))
        }
    }

    private static func users(
        after: UInt64, limit: Int, _ recent: [UserPage.User], from snapshot: any StorageSnapshot
    ) throws(StorageError) -> UserPage {
        var users: [UserPage.User] = []
        try snapshot.scan(.userNames, from: StoreKey.number(after + 1).span) { key, name in
            var reader = ByteReader(key)
            guard let number = reader.integer(UInt64.self), number < recent.first?.number ?? .max else { return false }
            users.append(.init(number: number, name: [UInt8](name, 0..<name.count)))
            return users.count <= limit
        }
        users.append(contentsOf: recent)
        return UserPage(users: Array(users.prefix(limit)), hasMore: users.count > limit)
    }
}

package struct QueryResult: Sendable {
    enum Found: Sendable {
        case nothing
        case users(UserPage)
        case audit(AuditPage)
    }

    let job: QueryJob
    /// The checkpoint that the view has.
    var appliedThrough: Position
    var found: Found
}
