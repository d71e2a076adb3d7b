internal import Foundation
internal import Glibc
internal import HoldfastIO

/// The file of `--output`: whole lines, each with its position. What the last whole line says is the cursor: message and cursor are
/// written by one write, so there is no moment at which one of them is there without the other.
///
/// After a power cut, what wasn't synced yet may be there with holes, which read as zeros, even before a whole last line. A line has no zero
/// in it, so that the file is good up to the first one; and at most `unsyncedBytesMax` at its end can have any.
final class OutputFile: Sendable {
    /// The position in the last whole line, if there is one.
    let lastPosition: UInt64?
    /// Bytes of a torn line that were cut off.
    let cutBytes: Int
    private let descriptor: Int32
    private let path: String
    private let user: String
    private static let unsyncedBytesMax = 1 << 20

    /// Opens the file, or makes it; takes it for this process alone; cuts a torn last line off.
    /// - Throws: when it can't be used, is in use, or is not the stream of `user`.
    init(path: String, user: String) throws(CommandFailure) {
        self.path = path
        self.user = user
        let opened = try Self.open(path)
        descriptor = opened
        do throws(CommandFailure) {
            let end = try Self.wholeLinesEnd(opened, path)
            let size = try Self.size(opened, path)
            cutBytes = size - end
            lastPosition = try Self.readLastPosition(opened, path, end: end, user: user)
            // Only what was found to be ours is cut.
            if cutBytes > 0 {
                guard ftruncate(opened, off_t(end)) == 0 else { throw Self.failure("cut", path) }
            }
            // What a run that was killed has written may not be on the disk yet; the gateway is about to be told that we have it.
            guard fsync(opened) == 0 else { throw Self.failure("sync", path) }
        } catch {
            close(opened)
            throw error
        }
    }

    deinit { close(descriptor) }

    /// The file that is at the path now, after this one was renamed or removed; nil while it is this one. What was appended to this one is on the
    /// disk.
    func successor() throws(CommandFailure) -> OutputFile? {
        if let there = FileIdentity(path: path), there == FileIdentity(descriptor: descriptor) { return nil }
        return try OutputFile(path: path, user: user)
    }

    /// Appends whole lines; they are on the disk when it returns.
    func append(_ lines: [UInt8]) throws(CommandFailure) {
        do throws(FileFailure) {
            for start in stride(from: 0, to: lines.count, by: Self.unsyncedBytesMax) {
                try writeAll(Array(lines[start..<min(start + Self.unsyncedBytesMax, lines.count)]), to: descriptor)
                guard fsync(descriptor) == 0 else { throw FileFailure() }
            }
        } catch {
            throw CommandFailure(
                "\(path) can't be written: \(error.reason). Nothing that isn't in it was acknowledged; make room and start again.",
                exitCode: CommandFailure.file)
        }
    }

    private static func open(_ path: String) throws(CommandFailure) -> Int32 {
        guard !path.isEmpty else { throw CommandFailure("--output is empty; name a file.", exitCode: CommandFailure.usage) }
        let isNew = !FileManager.default.fileExists(atPath: path)
        let target = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
        let type = try? FileManager.default.attributesOfItem(atPath: target)[.type] as? FileAttributeType
        guard isNew || type == .typeRegular else {
            throw CommandFailure("\(path) is not a regular file; --output needs one that can be cut.", exitCode: CommandFailure.usage)
        }
        let descriptor = unsafe Glibc.open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure("open", path) }
        do throws(CommandFailure) {
            guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
                if errno == EWOULDBLOCK {
                    throw CommandFailure("\(path) is being written by another receive; use another file.", exitCode: CommandFailure.file)
                }
                throw failure("lock", path)
            }
            // Also of a file that is there: who made it may have been killed before its name was on the disk.
            try syncDirectory(of: path)
        } catch {
            close(descriptor)
            throw error
        }
        return descriptor
    }

    private static func size(_ descriptor: Int32, _ path: String) throws(CommandFailure) -> Int {
        let size = lseek(descriptor, 0, SEEK_END)
        guard size >= 0 else { throw failure("read", path) }
        return Int(size)
    }

    /// Where the last whole line ends.
    private static func wholeLinesEnd(_ descriptor: Int32, _ path: String) throws(CommandFailure) -> Int {
        let size = try size(descriptor, path)
        let start = max(0, size - unsyncedBytesMax)
        let hole = try read(descriptor, path, start..<size).firstIndex(of: 0).map { start + $0 }
        guard let lineFeed = try lastLineFeed(descriptor, path, before: hole ?? size) else {
            try requireOurs(descriptor, path, size: size)
            return 0
        }
        return lineFeed + 1
    }

    /// A file without a whole line may be cut only if it is the beginning of one.
    private static func requireOurs(_ descriptor: Int32, _ path: String, size: Int) throws(CommandFailure) {
        let beginning = Array("{\"position\":".utf8)
        let bytes = try read(descriptor, path, 0..<min(size, beginning.count))
        guard bytes.elementsEqual(beginning.prefix(bytes.count)) || bytes.allSatisfy({ $0 == 0 }) else { throw notOurs(path) }
    }

    private static func notOurs(_ path: String) -> CommandFailure {
        CommandFailure(
            "The last line of \(path) is none that `holdfast receive` has written; nothing was changed. Use another file.",
            exitCode: CommandFailure.file)
    }

    /// Where the last line feed before an offset is.
    private static func lastLineFeed(_ descriptor: Int32, _ path: String, before offset: Int) throws(CommandFailure) -> Int? {
        var end = offset
        while end > 0 {
            let start = max(0, end - 65_536)
            let bytes = try read(descriptor, path, start..<end)
            if let index = bytes.lastIndex(of: UInt8(ascii: "\n")) { return start + index }
            end = start
        }
        return nil
    }

    private static func read(_ descriptor: Int32, _ path: String, _ range: Range<Int>) throws(CommandFailure) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: range.count)
        var filled = 0
        while filled < bytes.count {
            let count = unsafe bytes.withUnsafeMutableBytes { buffer in
                unsafe pread(descriptor, buffer.baseAddress?.advanced(by: filled), buffer.count - filled, off_t(range.lowerBound + filled))
            }
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw failure("read", path) }
            guard count > 0 else { throw CommandFailure("\(path) became shorter while it was read.", exitCode: CommandFailure.file) }
            filled += count
        }
        return bytes
    }

    private struct LastLine: Decodable {
        var position: UInt64
        var user: String
    }

    private static func readLastPosition(
        _ descriptor: Int32, _ path: String, end: Int, user: String
    ) throws(CommandFailure) -> UInt64? {
        guard end > 0 else { return nil }
        let start = try lastLineFeed(descriptor, path, before: end - 1).map { $0 + 1 } ?? 0
        let bytes = try read(descriptor, path, start..<end - 1)
        guard let line = try? JSONDecoder().decode(LastLine.self, from: Data(bytes)) else {
            throw notOurs(path)
        }
        guard line.user == user else {
            throw CommandFailure(
                "\(path) holds the messages of \(line.user), not of \(user); nothing was changed. Use another file.",
                exitCode: CommandFailure.file)
        }
        return line.position
    }

    /// Makes the name of a file or directory durable.
    static func syncDirectory(of path: String) throws(CommandFailure) {
        let directory = URL(fileURLWithPath: path).deletingLastPathComponent().path
        let descriptor = unsafe Glibc.open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("open", directory) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure("sync", directory) }
    }

    private static func failure(_ what: String, _ path: String) -> CommandFailure {
        CommandFailure("Can't \(what) \(path): \(FileFailure().reason).", exitCode: CommandFailure.file)
    }
}
