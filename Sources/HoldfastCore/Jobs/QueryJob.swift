import HoldfastWire

/// A question whose answer is more than the rows of one user: the core copies what the store doesn't have of it, and a reader adds the rest from one
/// view.
package struct QueryJob: Sendable {
    let reply: ReplyID
    let after: UInt64
    let limit: Int
    /// Users behind those that the store has.
    let recent: [UserPage.User]
    /// What the answer holds for: everything up to here, and nothing later.
    let through: Position
    /// The copy lacks what this checkpoint wrote: an older view would lack it, too.
    let writtenThrough: Position

    package func run(on storage: any Storage) throws(StorageError) -> QueryResult {
        var users: [UserPage.User] = []
        var isCurrent = false
        try storage.read { (snapshot) throws(StorageError) in
            let applied = try snapshot.appliedThrough()
            isCurrent = applied >= writtenThrough
            try snapshot.scan(.userNames, from: StoreKey.number(after + 1).span) { key, name in
                var reader = ByteReader(key)
                guard let number = reader.integer(UInt64.self), number < recent.first?.number ?? .max else { return false }
                users.append(.init(number: number, name: [UInt8](name, 0..<name.count)))
                return users.count <= limit
            }
        }
        users.append(contentsOf: recent)
        let page = UserPage(users: Array(users.prefix(limit)), hasMore: users.count > limit)
        return QueryResult(job: self, page: page, isCurrent: isCurrent)
    }
}

package struct QueryResult: Sendable {
    let job: QueryJob
    let page: UserPage
    /// False: the view was older than the last checkpoint, and the question has to be asked again.
    let isCurrent: Bool
}
