import Synchronization

/// State that ends with the process: for programs that don't need more, and for tests.
public final class MemoryStateStorage: StateStorage {
    private let files = Mutex<[String: [UInt8]]>([:])

    /// Nothing in it.
    public init() {}

    /// There is nobody else.
    public func lock() {}
    /// There is nobody else.
    public func unlock() {}
    /// All of a file.
    public func read(_ name: String) -> [UInt8]? { files.withLock { $0[name] } }
    /// Writes into a file.
    public func write(_ bytes: [UInt8], to name: String, at offset: Int) {
        files.withLock { files in
            var file = files[name] ?? []
            file.replaceSubrange(offset..<min(file.count, offset + bytes.count), with: bytes)
            files[name] = file
        }
    }
    /// Nothing to do.
    public func sync(_ name: String) {}
    /// Gives a file another name.
    public func rename(_ name: String, to newName: String) { files.withLock { $0[newName] = $0.removeValue(forKey: name) } }
    /// Removes a file.
    public func remove(_ name: String) { files.withLock { _ = $0.removeValue(forKey: name) } }
}
