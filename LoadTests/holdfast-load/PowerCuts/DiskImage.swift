import Foundation

/// Folders and files below a directory; paths are relative to it.
struct DiskImage: Equatable {
    var directories: Set<String> = []
    var files: [String: [UInt8]] = [:]

    /// LMDB's table of readers is a shared map that isn't recorded: LMDB makes it anew whenever nobody else has it open.
    static let excludedName = "lock.mdb"

    init() {}

    /// What is there now.
    init(at root: String) throws {
        for path in try FileManager.default.subpathsOfDirectory(atPath: root) where !Self.isExcluded(path) {
            var isDirectory: ObjCBool = false
            guard unsafe FileManager.default.fileExists(atPath: root + "/" + path, isDirectory: &isDirectory) else { continue }
            if isDirectory.boolValue {
                directories.insert(path)
            } else if let data = FileManager.default.contents(atPath: root + "/" + path) {
                files[path] = [UInt8](data)
            }
        }
    }

    /// The system's numbers of all that is there; "" is the root.
    static func numbers(at root: String) throws -> [String: UInt64] {
        var numbers: [String: UInt64] = [:]
        for path in try FileManager.default.subpathsOfDirectory(atPath: root) + [""] where !isExcluded(path) {
            let attributes = try FileManager.default.attributesOfItem(atPath: path.isEmpty ? root : root + "/" + path)
            numbers[path] = (attributes[.systemFileNumber] as? NSNumber)?.uint64Value
        }
        return numbers
    }

    /// What is there of the excluded files.
    static func readerTables(at root: String) throws -> [String: [UInt8]] {
        var tables: [String: [UInt8]] = [:]
        for path in try FileManager.default.subpathsOfDirectory(atPath: root) where isExcluded(path) {
            tables[path] = FileManager.default.contents(atPath: root + "/" + path).map { [UInt8]($0) }
        }
        return tables
    }

    /// Puts it in place of what is there.
    func write(to root: String) throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: root) {
            try FileManager.default.removeItem(atPath: root + "/" + name)
        }
        for path in directories.sorted() {
            try FileManager.default.createDirectory(
                atPath: root + "/" + path, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        }
        for (path, bytes) in files {
            guard FileManager.default.createFile(atPath: root + "/" + path, contents: Data(bytes), attributes: [.posixPermissions: 0o600])
            else { throw LoadError("\(root)/\(path) can't be written") }
        }
    }

    /// The first thing that differs, in words; nil: nothing.
    func difference(from other: DiskImage) -> String? {
        if let path = directories.symmetricDifference(other.directories).min() { return "the folder \(path) is in one of them only" }
        for path in Set(files.keys).union(other.files.keys).sorted() {
            guard let mine = files[path], let theirs = other.files[path] else { return "the file \(path) is in one of them only" }
            if mine != theirs {
                let offset = zip(mine, theirs).enumerated().first { $0.element.0 != $0.element.1 }?.offset ?? min(mine.count, theirs.count)
                return "\(path) differs at byte \(offset) (of \(mine.count) and \(theirs.count))"
            }
        }
        return nil
    }

    private static func isExcluded(_ path: String) -> Bool { path == excludedName || path.hasSuffix("/" + excludedName) }
}
