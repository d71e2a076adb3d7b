import Glibc
package import HoldfastCore

/// Small files and directories whose names and contents survive a power cut.
package enum DurableFile {
    /// For its owner only.
    static let fileMode: mode_t = 0o600
    /// For its owner only.
    static let directoryMode: mode_t = 0o700

    /// Makes the directory unless it is there.
    package static func makeDirectory(_ path: String) throws(StorageError) {
        if unsafe mkdir(path, directoryMode) == 0 { return try syncDirectory(parent(of: path)) }
        guard errno == EEXIST else { throw StorageError.system(errno, "make the directory", path) }
        guard isDirectory(path) == true else {
            throw StorageError.failure(.absent, "use the data directory", path, "it is a file, not a directory")
        }
        // Whoever made it may have been killed before its name was on the disk. A parent that can't be opened has it from somebody else.
        try? syncDirectory(parent(of: path))
    }

    /// Nil: there is nothing at the path, or it can't be looked at.
    static func isDirectory(_ path: String) -> Bool? {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return nil }
        return status.st_mode & S_IFMT == S_IFDIR
    }

    /// Makes the names in the directory durable.
    package static func syncDirectory(_ path: String) throws(StorageError) {
        let descriptor = try open(path, O_RDONLY | O_DIRECTORY)
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw StorageError.system(errno, "sync the directory", path) }
    }

    /// The whole file, at most `bytesMax`; nil when there is none.
    static func read(_ path: String, bytesMax: Int = 4096) throws(StorageError) -> String? {
        let descriptor = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw StorageError.system(errno, "open", path)
        }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: bytesMax)
        let count = unsafe bytes.withUnsafeMutableBytes { unsafe Glibc.read(descriptor, $0.baseAddress, $0.count) }
        guard count >= 0 else { throw StorageError.system(errno, "read", path) }
        return String(decoding: bytes[..<count], as: UTF8.self)
    }

    /// The whole text of a file of /proc, which comes in pieces; nil when there is none.
    static func readAll(_ path: String) -> String? {
        let descriptor = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var text: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = unsafe piece.withUnsafeMutableBytes { unsafe Glibc.read(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { return count < 0 ? nil : String(decoding: text, as: UTF8.self) }
            text += piece[..<count]
        }
    }

    /// Keeps a page ready for `write` to `path`, so that it needs no room.
    static func prepareWrite(to path: String) throws(StorageError) {
        let descriptor = try open(path + ".new", O_WRONLY | O_CREAT)
        defer { close(descriptor) }
        let code = posix_fallocate(descriptor, 0, 4096)
        guard code == 0 else { throw StorageError.system(code, "keep a page in", path + ".new") }
    }

    /// Puts the file in place whole or not at all, by way of what was prepared for it.
    static func write(_ text: String, to path: String) throws(StorageError) {
        try put(Array(text.utf8), through: try open(path + ".new", O_WRONLY | O_CREAT), to: path)
    }

    /// Puts a file in place that has the mode from its first moment on.
    package static func write(_ bytes: [UInt8], to path: String, mode: UInt32) throws(StorageError) {
        // A leftover of a crash may have another mode.
        unsafe unlink(path + ".new")
        try put(bytes, through: try open(path + ".new", O_WRONLY | O_CREAT | O_EXCL, mode: mode), to: path)
    }

    /// Closes the descriptor, which is that of the file beside.
    private static func put(_ bytes: [UInt8], through descriptor: Int32, to path: String) throws(StorageError) {
        defer { close(descriptor) }
        let temporary = path + ".new"
        // Cut to length only after writing, so that a page that was prepared is written to and not given back.
        try writeAll(bytes[...], to: descriptor, temporary)
        guard ftruncate(descriptor, bytes.count) == 0, fsync(descriptor) == 0 else {
            throw StorageError.system(errno, "sync", temporary)
        }
        guard unsafe rename(temporary, path) == 0 else { throw StorageError.system(errno, "put in place", path) }
        try syncDirectory(parent(of: path))
    }

    /// Leaves the file behind where a disk is failing, as well as that goes: its presence says more than its text. What was prepared is given its name
    /// also when it can't be written or synced, which needs neither room nor a descriptor.
    static func leave(_ text: String, at path: String) {
        let temporary = path + ".new"
        if let descriptor = try? open(temporary, O_WRONLY | O_CREAT) {
            if (try? writeAll(text, to: descriptor, temporary)) != nil { ftruncate(descriptor, off_t(text.utf8.count)) }
            fsync(descriptor)
            close(descriptor)
        }
        unsafe rename(temporary, path)
        try? syncDirectory(parent(of: path))
    }

    /// Removes the file if it is there, durably.
    static func remove(_ path: String) throws(StorageError) {
        guard unsafe unlink(path) == 0 else {
            if errno == ENOENT { return }
            throw StorageError.system(errno, "remove", path)
        }
        try syncDirectory(parent(of: path))
    }

    /// Whether there is such a name.
    static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

    /// A descriptor that isn't handed to child processes.
    static func open(_ path: String, _ flags: Int32, mode: mode_t = fileMode) throws(StorageError) -> Int32 {
        let descriptor = unsafe Glibc.open(path, flags | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw StorageError.system(errno, "open", path) }
        return descriptor
    }

    /// Writes all of a text.
    static func writeAll(_ text: String, to descriptor: Int32, _ path: String) throws(StorageError) {
        try writeAll(Array(text.utf8)[...], to: descriptor, path)
    }

    /// Writes all of it. What is taken only in part is tried again, which says why.
    static func writeAll(_ bytes: ArraySlice<UInt8>, to descriptor: Int32, _ path: String) throws(StorageError) {
        var rest = bytes
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw StorageError.system(count < 0 ? errno : EIO, "write", path) }
            rest = rest.dropFirst(count)
        }
    }

    private static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
