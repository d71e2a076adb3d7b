import Glibc
import HoldfastCore

/// The names and small files of a data directory:
///
///     format          the version of the layout, written last when the directory is made
///     lock            held by the gateway that has the directory; its text is the process's number
///     reserve         room kept back for a full disk
///     failed-commit   left behind by a commit that failed: verify before serving
///     journal/ store/ the two LMDB environments
///     unfinished/     where a backup, a restore or a repair makes its result
///     finished/       that result, whole, while it is put in place
///     journal.damaged-1/ store.damaged-1/   what a repair replaced; `replaced` for a restore
///
/// The gateway keeps further files beside them.
struct DataDirectory: Sendable {
    private static let formatPrefix = "holdfast-data "

    /// Without a slash at its end.
    let path: String
    /// The journal's environment.
    var journal: String { path + "/journal" }
    /// The store's environment.
    var store: String { path + "/store" }
    /// The file that keeps room back.
    var reserve: String { path + "/reserve" }
    /// What a commit that failed leaves behind.
    var marker: String { path + "/failed-commit" }
    /// The file whose presence says that the directory is complete.
    var formatFile: String { path + "/format" }
    /// Where something whole is being made.
    var unfinished: String { path + "/unfinished" }
    /// What was made, decided upon, and not all in its place yet.
    var finished: String { path + "/finished" }
    /// What the gateway that has the directory holds.
    var lock: String { path + "/lock" }

    /// Any spelling of the path; it needn't be there yet.
    init(path: String) {
        var path = path[...]
        while path.count > 1, path.last == "/" { path.removeLast() }
        self.path = path.isEmpty ? "." : String(path)
    }

    /// The format of a directory that was completely made before; nil: there is none. An unknown one throws.
    func madeFormat() throws(StorageError) -> StorageFormat? {
        guard !DurableFile.exists(finished) else {
            throw StorageError(
                .damaged,
                "Can't use the data directory \(path): a repair or a restore was interrupted while it put its result in place. Nothing is "
                    + "lost; run the same command again, it goes on where it was.")
        }
        guard let format = try storedFormat() else {
            guard !DurableFile.exists(unfinished) else {
                throw StorageError(
                    .damaged,
                    "Can't use the data directory \(path): it holds an unfinished backup or restore. Remove it, and run that command again."
                )
            }
            return nil
        }
        // An environment that is gone must not be made again empty: that would be silent loss.
        for file in [journal, store].map({ $0 + "/data.mdb" }) where !DurableFile.exists(file) {
            throw StorageError.failure(.damaged, "open", file, "the file is missing")
        }
        return format
    }

    /// The number in the file `format`; nil: there is no such file.
    func formatNumber() throws(StorageError) -> UInt64? {
        guard let text = try DurableFile.read(formatFile) else { return nil }
        guard text.hasPrefix(Self.formatPrefix), text.hasSuffix("\n"),
            let number = UInt64(text.dropFirst(Self.formatPrefix.count).dropLast()), number > 0
        else { throw StorageError.failure(.damaged, "read the format in", formatFile, "it is not a holdfast data directory's") }
        return number
    }

    /// The format that the file `format` names; nil: there is no such file. An unknown one throws.
    func storedFormat() throws(StorageError) -> StorageFormat? {
        guard let number = try formatNumber() else { return nil }
        if let format = StorageFormat(rawValue: number) { return format }
        throw StorageError.failure(
            .newerFormat, "use the data directory", path,
            "its format is \(number), this version reads up to \(StorageFormat.current.rawValue)")
    }

    /// Marks the directory as completely made.
    func writeFormat(_ format: StorageFormat) throws(StorageError) {
        for directory in [journal, store] { try DurableFile.syncDirectory(directory) }
        try DurableFile.write(Self.text(format), to: formatFile)
    }

    /// Raises the number of a directory that is there, before anything else in it changes. In its place, and one byte of it: a power cut leaves the
    /// one or the other, and the lock that commands share on the file (`EarlierReaders`) stays seen.
    func raiseFormat(to format: StorageFormat) throws(StorageError) {
        let descriptor = try DurableFile.open(formatFile, O_WRONLY)
        defer { close(descriptor) }
        try DurableFile.writeAll(Self.text(format), to: descriptor, formatFile)
        guard fsync(descriptor) == 0 else { throw StorageError.system(errno, "sync", formatFile) }
    }

    private static func text(_ format: StorageFormat) -> String { "\(formatPrefix)\(format.rawValue)\n" }

    /// Takes the directory for this process, until the result is released.
    func acquireLock() throws(StorageError) -> FileLock {
        try FileLock(lock, directory: path)
    }

    /// Removes an environment's file when a power cut in its making has left it without a header, as zeros or as nothing: LMDB would refuse it
    /// for ever. One with records has had a header on the disk before the first of them.
    func removeUnfinished(_ directory: String) throws(StorageError) {
        let file = directory + "/data.mdb"
        guard DurableFile.exists(file) else { return }
        let descriptor = try DurableFile.open(file, O_RDONLY)
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: Self.unfinishedBytesMax + 1)
        let count = unsafe bytes.withUnsafeMutableBytes { unsafe Glibc.read(descriptor, $0.baseAddress, $0.count) }
        guard count >= 0 else { throw StorageError.system(errno, "read", file) }
        // LMDB wants to find both header pages, each of the size of the system's pages.
        let headers = [0, Int(getpagesize())].filter { $0 < count && bytes[$0..<min($0 + 512, count)].contains { $0 != 0 } }
        guard count <= Self.unfinishedBytesMax, headers.count < 2 else { return }
        try DurableFile.remove(file)
    }

    /// The making itself writes less.
    private static let unfinishedBytesMax = 1 << 16

    /// Makes an environment's directory and its table of readers, whole: a hole in a mapped file would be a fault on a full disk.
    func makeEnvironment(_ directory: String) throws(StorageError) {
        try DurableFile.makeDirectory(directory)
        let file = directory + "/lock.mdb"
        guard !DurableFile.exists(file) else { return }
        let descriptor = try DurableFile.open(file, O_RDWR | O_CREAT)
        defer { close(descriptor) }
        let code = posix_fallocate(descriptor, 0, 4 * 4096)
        guard code == 0 else {
            unsafe unlink(file)
            throw StorageError.system(code, "make", file)
        }
    }
}

/// A file locked for as long as the object lives; the system releases it when the process dies.
final class FileLock: Sendable {
    private let descriptor: Int32

    /// Takes the lock or says who has it.
    init(_ path: String, directory: String) throws(StorageError) {
        let descriptor = try DurableFile.open(path, O_RDWR | O_CREAT)
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let number = errno
            let holder = ((try? DurableFile.read(path)) ?? nil)?.split(separator: "\n").first.map { "process \($0)" } ?? "another process"
            close(descriptor)
            guard number == EWOULDBLOCK else { throw StorageError.system(number, "lock", path) }
            throw StorageError.failure(.inUse, "use the data directory", directory, "\(holder) has it")
        }
        self.descriptor = descriptor
        // Only for the message above; a full disk is no reason to refuse.
        guard ftruncate(descriptor, 0) == 0 else { return }
        try? DurableFile.writeAll("\(getpid())\n", to: descriptor, path)
    }

    /// Takes the lock together with others that take it so, as soon as nobody has it alone. The file is only read.
    init(sharing path: String) throws(StorageError) {
        descriptor = try DurableFile.open(path, O_RDONLY)
        while flock(descriptor, LOCK_SH) != 0 {
            let number = errno
            // The object is whole: `deinit` closes it.
            guard number == EINTR else { throw StorageError.system(number, "lock", path) }
        }
    }

    deinit {
        // A child that was forked and hasn't called exec yet has the descriptor, too, and would keep the lock.
        flock(descriptor, LOCK_UN)
        close(descriptor)
    }
}
