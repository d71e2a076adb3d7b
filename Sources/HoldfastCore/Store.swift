/// Tables that only checkpoints write: the rows up to a position, and the timelines.
package protocol Store: AnyObject, Sendable {
    /// Runs `body` in one transaction and syncs it. When it throws, the store is as before.
    func checkpoint(_ body: (any StoreTransaction) throws(StorageError) -> Void) throws(StorageError)
}
