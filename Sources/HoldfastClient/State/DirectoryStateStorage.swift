import Synchronization

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// State in a directory of its own; its files have mode 0600, itself 0700.
public final class DirectoryStateStorage: StateStorage {
    private struct Open {
        var name = ""
        var descriptor: Int32 = -1
        var lock: Int32 = -1
    }

    private let path: String
    private let open = Mutex(Open())

    /// The directory is made by `lock` if there is none.
    public init(path: String) { self.path = path }

    deinit {
        open.withLock { open in
            if open.descriptor >= 0 { _ = close(open.descriptor) }
            if open.lock >= 0 { _ = close(open.lock) }
        }
    }

    /// Makes the directory, with those above it, if there is none, and takes it.
    public func lock() throws(StateStorageError) {
        try make()
        let descriptor = try openFile(path + "/lock", O_RDWR | O_CREAT)
        if flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            let isInUse = errno == EWOULDBLOCK
            let error = failure("lock", path)
            _ = close(descriptor)
            throw StateStorageError(isInUse: isInUse, message: error.message)
        }
        open.withLock { open in
            if open.lock >= 0 { _ = close(open.lock) }
            open.lock = descriptor
        }
    }

    /// Makes the directory, with those above it, for the owner only; its name is on the disk when it returns: an outbox whose directory is gone
    /// after a power cut would send everything again.
    package func make() throws(StateStorageError) { try make(path) }

    private func make(_ path: String) throws(StateStorageError) {
        if unsafe mkdir(path, 0o700) == 0 { return try syncDirectory(path + "/..") }
        switch errno {
        case EEXIST:
            // Whoever made it may have been killed before its name was on the disk. A parent that can't be opened has it from somebody else.
            try? syncDirectory(path + "/..")
        case ENOENT:
            let end = path.utf8.lastIndex { $0 != UInt8(ascii: "/") } ?? path.startIndex
            guard let slash = path[...end].lastIndex(of: "/"), slash > path.startIndex else { throw failure("make", path) }
            let parent = String(path[..<slash])
            try make(parent)
            guard unsafe mkdir(path, 0o700) == 0 || errno == EEXIST else { throw failure("make", path) }
            try syncDirectory(path + "/..")
        default: throw failure("make", path)
        }
    }

    /// Lets others in.
    public func unlock() {
        open.withLock { open in
            if open.descriptor >= 0 { _ = close(open.descriptor) }
            if open.lock >= 0 { _ = close(open.lock) }
            open = Open()
        }
    }

    /// All of a file.
    public func read(_ name: String) throws(StateStorageError) -> [UInt8]? {
        let descriptor: Int32
        do { descriptor = try openFile(path(name), O_RDONLY) } catch {
            if errno == ENOENT { return nil }
            throw error
        }
        defer { _ = close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = systemRead(descriptor, &buffer)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw failure("read", path(name)) }
            guard count > 0 else { return bytes }
            bytes.append(contentsOf: buffer[..<count])
        }
    }

    /// Writes into a file.
    public func write(_ bytes: [UInt8], to name: String, at offset: Int) throws(StateStorageError) {
        let descriptor = try descriptor(of: name)
        var written = 0
        while written < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { buffer in
                unsafe pwrite(descriptor, buffer.baseAddress?.advanced(by: written), buffer.count - written, off_t(offset + written))
            }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw failure("write", path(name)) }
            written += count
        }
    }

    /// Waits until the file is on the disk.
    public func sync(_ name: String) throws(StateStorageError) {
        let descriptor = try descriptor(of: name)
        #if canImport(Darwin)
            // fsync leaves it in the drive's cache there; not every file system has the stronger call.
            if fcntl(descriptor, F_FULLFSYNC) == 0 { return }
        #endif
        if fsync(descriptor) != 0 { throw failure("sync", path(name)) }
    }

    /// Gives a file another name, and waits until the directory is on the disk.
    public func rename(_ name: String, to newName: String) throws(StateStorageError) {
        forget(name)
        forget(newName)
        if systemRename(path(name), path(newName)) != 0 { throw failure("rename", path(name)) }
        try syncDirectory(path)
    }

    /// Removes a file.
    public func remove(_ name: String) throws(StateStorageError) {
        forget(name)
        if unsafe unlink(path(name)) != 0 && errno != ENOENT { throw failure("remove", path(name)) }
    }

    private func path(_ name: String) -> String { path + "/" + name }

    /// The descriptor of the file that is written to; one is kept open.
    private func descriptor(of name: String) throws(StateStorageError) -> Int32 {
        if let kept = open.withLock({ $0.name == name && $0.descriptor >= 0 ? $0.descriptor : nil }) { return kept }
        let descriptor = try openFile(path(name), O_RDWR | O_CREAT)
        open.withLock { open in
            if open.descriptor >= 0 { _ = close(open.descriptor) }
            open.name = name
            open.descriptor = descriptor
        }
        return descriptor
    }

    private func syncDirectory(_ path: String) throws(StateStorageError) {
        let directory = try openFile(path, O_RDONLY | O_DIRECTORY)
        defer { _ = close(directory) }
        if fsync(directory) != 0 { throw failure("sync", path) }
    }

    private func forget(_ name: String) {
        open.withLock { open in
            guard open.name == name, open.descriptor >= 0 else { return }
            _ = close(open.descriptor)
            open.descriptor = -1
        }
    }

    private func openFile(_ path: String, _ flags: Int32) throws(StateStorageError) -> Int32 {
        while true {
            let descriptor = systemOpen(path, flags | O_CLOEXEC)
            if descriptor >= 0 { return descriptor }
            if errno != EINTR { throw failure("open", path) }
        }
    }

    private func failure(_ what: String, _ path: String) -> StateStorageError {
        // Kept: the caller may look at it, and formatting may change it.
        let code = errno
        defer { errno = code }
        return StateStorageError(message: "\(what) \(path): \(unsafe String(cString: strerror(code)))")
    }
}

// Outside of the class, whose methods hide the functions of these names.
private func systemOpen(_ path: String, _ flags: Int32) -> Int32 { unsafe open(path, flags, 0o600) }
private func systemRename(_ path: String, _ newPath: String) -> Int32 { unsafe rename(path, newPath) }
private func systemRead(_ descriptor: Int32, _ buffer: inout [UInt8]) -> Int { unsafe read(descriptor, &buffer, buffer.count) }
