import Glibc
package import HoldfastCore

/// Putting what was made in `unfinished` in its place, so that a crash at any step leaves a directory that either is as it was, or refuses to be
/// used until the same command has gone on:
///
/// 1. `unfinished` is whole and synced; it gets a file `suffix`, and its name becomes `finished`: from here on it counts;
/// 2. each part that is there changes places with the one in use, which is kept as `NAME.SUFFIX`;
/// 3. what belongs to the old state is removed, `format` is written with the number that `finished` has, and `finished` is removed. A higher number than the
///    old one is written before the second step.
///
/// Every step looks at what is there, so that it can be taken again.
package enum StagedFiles {
    /// The parts, in the order in which they change places.
    private static let parts = ["journal", "store", "development.key", "log.key", "tls"]
    /// Whatever else may be in a directory that is being made.
    private static let others = [
        "journal/data.mdb", "journal/lock.mdb", "store/data.mdb", "store/lock.mdb", "tls/cert.pem", "tls/key.pem", "journal", "store",
        "tls",
        "development.key", "log.key", "lock", "reserve", "failed-commit", "failed-commit.new", "format", "format.new", "suffix",
        "suffix.new",
    ]

    /// Whether a step after the first one is due in the directory at `path`.
    package static func isPending(in path: String) -> Bool { DurableFile.exists(DataDirectory(path: path).finished) }

    /// Takes the first step. What is replaced will be kept under its name and `reason` with a number.
    package static func decide(in path: String, reason: String) throws(StorageError) {
        let directory = DataDirectory(path: path)
        var number = 1
        while parts.contains(where: { DurableFile.exists("\(directory.path)/\($0).\(reason)-\(number)") }) { number += 1 }
        for part in ["journal", "store"] { try DurableFile.syncDirectory("\(directory.unfinished)/\(part)") }
        try DurableFile.write("\(reason)-\(number)\n", to: directory.unfinished + "/suffix")
        try rename(directory.unfinished, directory.finished, in: directory)
    }

    /// Takes the other steps, or the rest of them.
    /// - Returns: what the replaced parts are called now.
    @discardableResult
    package static func complete(in path: String) throws(StorageError) -> [String] {
        let directory = DataDirectory(path: path)
        guard let text = try DurableFile.read(directory.finished + "/suffix") else {
            // It is the last file that goes: a crash left the folder alone, and everything is in its place.
            if unsafe rmdir(directory.finished) == 0 { return [] }
            throw StorageError.failure(.damaged, "go on in", directory.finished, "its file suffix is missing")
        }
        let suffix = text.prefix { $0 != "\n" }
        // Gone when only the removal of the folder is left: the number was written before.
        let format = try DataDirectory(path: directory.finished).storedFormat()
        // A file that can't be read is written anew.
        let before = (try? directory.storedFormat()) ?? nil
        if let format, let before, before < format { try directory.raiseFormat(to: format) }
        for part in parts where DurableFile.exists("\(directory.finished)/\(part)") {
            let place = "\(directory.path)/\(part)"
            if DurableFile.exists(place) { try rename(place, "\(place).\(suffix)", in: directory) }
            try rename("\(directory.finished)/\(part)", place, in: directory)
        }
        // Tickets of the old state would open sessions whose numbers may be given out again. Room for the marker is made at a start.
        for file in ["ticket-keys", "ticket-keys.new", "failed-commit", "failed-commit.new"] {
            try DurableFile.remove("\(directory.path)/\(file)")
        }
        if let format, before != format { try directory.writeFormat(format) }
        try remove(directory.finished)
        return parts.map { "\($0).\(suffix)" }.filter { DurableFile.exists("\(directory.path)/\($0)") }
    }

    /// Removes a directory that is being made, if it is there; only files that such a directory can have.
    package static func remove(_ path: String) throws(StorageError) {
        guard DurableFile.exists(path) else { return }
        for name in others {
            let file = "\(path)/\(name)"
            guard unsafe unlink(file) != 0, errno != ENOENT, errno != ENOTDIR else { continue }
            guard errno == EISDIR || errno == EPERM else { throw StorageError.system(errno, "remove", file) }
            guard unsafe rmdir(file) == 0 else { throw StorageError.system(errno, "remove", file) }
        }
        guard unsafe rmdir(path) == 0 else { throw StorageError.system(errno, "remove", path) }
    }

    /// Removes what a command left that didn't come to its decision.
    package static func removeUnfinished(in path: String) throws(StorageError) {
        try remove(DataDirectory(path: path).unfinished)
    }

    /// Removes what a commit that failed left behind: everything was verified since.
    package static func removeMarker(in path: String) throws(StorageError) {
        try DurableFile.remove(DataDirectory(path: path).marker)
    }

    /// Copies the keys of the directory at `source` that the gateway made itself: the development key, that of users in the log, and the certificate. Not the
    /// ticket keys.
    package static func copyKeys(from source: String, into target: String) throws(StorageError) -> [String] {
        let (source, target) = (DataDirectory(path: source).path, DataDirectory(path: target).unfinished)
        var copied: [String] = []
        for file in ["development.key", "log.key", "tls/cert.pem", "tls/key.pem"] where DurableFile.exists("\(source)/\(file)") {
            if file.hasPrefix("tls/") { try DurableFile.makeDirectory(target + "/tls") }
            try DurableFile.copy("\(source)/\(file)", to: "\(target)/\(file)")
            copied.append(file)
        }
        return copied
    }

    private static func rename(_ old: String, _ new: String, in directory: DataDirectory) throws(StorageError) {
        guard unsafe Glibc.rename(old, new) == 0 else { throw StorageError.system(errno, "put in place", new) }
        try DurableFile.syncDirectory(directory.path)
    }
}

extension DurableFile {
    /// Copies a small file, for its owner only.
    fileprivate static func copy(_ source: String, to target: String) throws(StorageError) {
        let bytesMax = 1 << 20
        let input = try open(source, O_RDONLY)
        defer { close(input) }
        var bytes = [UInt8](repeating: 0, count: bytesMax)
        let count = unsafe bytes.withUnsafeMutableBytes { unsafe Glibc.read(input, $0.baseAddress, $0.count) }
        guard count >= 0 else { throw StorageError.system(errno, "read", source) }
        guard count < bytesMax else { throw StorageError.failure(.system, "copy", source, "it is too long for a key") }
        let output = try open(target, O_WRONLY | O_CREAT | O_TRUNC)
        defer { close(output) }
        try writeAll(bytes[..<count], to: output, target)
        guard fsync(output) == 0 else { throw StorageError.system(errno, "write", target) }
    }
}
