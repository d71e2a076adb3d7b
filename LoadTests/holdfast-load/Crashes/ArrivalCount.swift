import Foundation

/// Counts the lines to a user in a receiver's file while it grows; reads each part once.
struct ArrivalCount {
    private let path: String
    private let mark: Data
    private var offset: UInt64 = 0
    private(set) var count = 0

    init(_ path: String, user: String) {
        self.path = path
        mark = Data("\"to\":\"\(user)\"".utf8)
    }

    /// Takes in what is new; as the receiver does after a power cut, only what stands before a hole.
    mutating func update() {
        guard let file = FileHandle(forReadingAtPath: path) else { return }
        defer { try? file.close() }
        guard (try? file.seek(toOffset: offset)) != nil, let data = try? file.readToEnd(),
            let end = data.prefix(while: { $0 != 0 }).lastIndex(of: UInt8(ascii: "\n"))
        else { return }
        let lines = data[...end]
        offset += UInt64(lines.count)
        for line in lines.split(separator: UInt8(ascii: "\n")) where line.range(of: mark) != nil { count += 1 }
    }

    /// The file may have become another: it is read from its start again.
    mutating func restart() {
        offset = 0
        count = 0
    }
}
