/// A few small files that hold a client's state. What was written is on the disk only after `sync`; of unsynced writes any may be lost.
/// Called by one client, one call at a time.
public protocol StateStorage: Sendable {
    /// Keeps everyone else out until `unlock` or the end of the process; fails with `inUse` if someone is in.
    func lock() throws(StateStorageError)
    /// Lets others in.
    func unlock()
    /// All of a file, or nil if there is none.
    func read(_ name: String) throws(StateStorageError) -> [UInt8]?
    /// Writes into a file at an offset that is at most its length; makes it, for the owner only, if there is none.
    func write(_ bytes: [UInt8], to name: String, at offset: Int) throws(StateStorageError)
    /// What was written to the file is on the disk.
    func sync(_ name: String) throws(StateStorageError)
    /// Gives a file another name, in place of what had it; on the disk when it returns.
    func rename(_ name: String, to newName: String) throws(StateStorageError)
    /// Removes a file; that there is none is no failure.
    func remove(_ name: String) throws(StateStorageError)
}

/// A state file can't be read or written.
public struct StateStorageError: Error, Hashable, Sendable {
    /// Someone else has it.
    public var isInUse: Bool
    /// What was done to which file, and what the system said.
    public var message: String

    /// A failure of a storage.
    public init(isInUse: Bool = false, message: String) {
        self.isInUse = isInUse
        self.message = message
    }
}
