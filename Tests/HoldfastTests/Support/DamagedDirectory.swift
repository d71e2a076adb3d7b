import Foundation
import HoldfastCore
import HoldfastStorage
import HoldfastWire
import Testing

@testable import holdfast

/// A kind of damage to the files of a stopped gateway.
enum FileDamage: String, CaseIterable, CustomTestStringConvertible {
    case recordByte, replayedByte, missingRecord, userRow, keptCount, storeAhead
    case journalPage, storePage, freePages, journalCut, storeCut, journalGone, storeGone

    var testDescription: String { rawValue }

    /// The gateway is killed, so that the journal has what no checkpoint has.
    var needsTail: Bool { self == .replayedByte }

    /// Nothing of the inboxes is lost by it.
    var losesNothing: Bool { [.userRow, .keptCount, .storeAhead, .storePage, .freePages, .storeCut].contains(self) }
}

/// What a gateway with a few users left behind.
struct DamagedDirectory {
    static let messages = 60

    let directory: TemporaryDirectory
    var data: String { directory.path("data") }
    /// In the order in which they were confirmed.
    let sent: [String: [String]]

    /// Alice writes to bob and to carol; dave was there once.
    init(killed: Bool) async throws {
        directory = try TemporaryDirectory()
        let gateway = try await GatewayProcess(in: directory)
        var sent: [String: [String]] = [:]
        for user in ["bob", "carol"] {
            // Some are longer than a page.
            let lines = (1...Self.messages).map { "\(user)-\($0)" + ($0.isMultiple(of: 20) ? String(repeating: "x", count: 5000) : "") }
            try directory.write(lines.joined(separator: "\n").utf8, to: "input")
            let options = await gateway.options
            let result = try await Command.run(
                ["send", "--as", "alice", "--to", user, "--lines"] + options, in: directory, input: directory.path("input"))
            #expect(result.status == 0, "\(result.error)")
            sent[user] = lines
        }
        self.sent = sent
        try await gateway.stop(killed ? SIGKILL : SIGTERM)
    }

    private func open() throws -> LMDBStorage {
        while true {
            do throws(StorageError) {
                return try LMDBStorage.open(directory: data) { _, _ in true }
            } catch {
                // A process that another test starts shares the lock from its fork to its exec.
                guard error.code == .inUse else { throw error }
                sched_yield()
            }
        }
    }

    private func file(_ environment: String) -> String { "data/\(environment)/data.mdb" }

    private func change(_ environment: String, _ change: (inout [UInt8]) throws -> Void) throws {
        var bytes = try directory.contents(file(environment))
        try change(&bytes)
        try directory.write(bytes, to: file(environment))
    }

    private static let pageBytes = 4096

    /// Pages that have a text in them.
    private func pages(of environment: String, with text: String) throws -> [Int] {
        let bytes = try directory.contents(file(environment))
        let sought = Data(text.utf8)
        return stride(from: 2 * Self.pageBytes, to: bytes.count, by: Self.pageBytes).filter {
            Data(bytes[$0..<$0 + Self.pageBytes]).range(of: sought) != nil
        }
    }

    private func position(of text: String, in storage: LMDBStorage) throws -> Position {
        var found: Position?
        try storage.read { (snapshot) throws(StorageError) in
            try snapshot.records(after: .zero) { position, bytes in
                let record = (0..<bytes.count).map { bytes[$0] }
                if String(decoding: record, as: UTF8.self).hasSuffix(text) { found = position }
                return found == nil
            }
        }
        return try #require(found)
    }

    func apply(_ damage: FileDamage) throws {
        switch damage {
        case .recordByte, .replayedByte:
            // In all versions that are in the file: only one is in use.
            try change("journal") { bytes in
                var data = Data(bytes)
                var from = data.startIndex
                while let range = data.range(of: Data("bob-7".utf8), in: from..<data.endIndex) {
                    data[range.lowerBound] ^= 0x20
                    from = range.upperBound
                }
                bytes = Array(data)
            }
        case .missingRecord:
            let storage = try open()
            try storage.rewrite([], deleting: [try position(of: "bob-7", in: storage)], nextPosition: storage.nextPosition)
        case .userRow: try put(.users, Self.key(2), [1, 2, 3])
        case .keptCount: try put(.kept, Self.key(try position(of: "bob-7", in: try open()).rawValue), [7])
        case .storeAhead:
            try put(.meta, Array("appliedThrough".utf8), Self.key(try open().nextPosition.rawValue + 5))
        case .journalPage:
            for page in try pages(of: "journal", with: "bob-7") {
                try change("journal") {
                    $0.replaceSubrange(page..<page + Self.pageBytes, with: [UInt8](repeating: 0, count: Self.pageBytes))
                }
            }
        case .storePage:
            // Names and devices are on pages of their own.
            for page in try pages(of: "store", with: "carol") {
                try change("store") {
                    $0.replaceSubrange(page..<page + Self.pageBytes, with: (0..<Self.pageBytes).map { UInt8(truncatingIfNeeded: $0 &* 37) })
                }
            }
        case .freePages: try spoilFreePages()
        case .journalCut: try cut("journal", share: 2)
        case .storeCut: try cut("store", share: 3)
        case .journalGone, .storeGone:
            try FileManager.default.removeItem(atPath: directory.path(file(damage == .journalGone ? "journal" : "store")))
        }
    }

    private func put(_ table: StoreTable, _ key: [UInt8], _ value: [UInt8]) throws {
        try open().checkpoint { (store) throws(StorageError) in try store.put(table, key.span, value.span) }
    }

    private static func key(_ number: UInt64) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * UInt64($0))) } }

    private func cut(_ environment: String, share: Int) throws {
        try change(environment) { $0.removeLast($0.count / Self.pageBytes / share * Self.pageBytes) }
    }

    /// LMDB's two first pages say where the list of free pages is: in the first of their tables, whose root is 88 bytes in.
    private func spoilFreePages() throws {
        try change("store") { bytes in
            for meta in 0..<2 {
                let root = bytes[(meta * Self.pageBytes + 80)..<(meta * Self.pageBytes + 88)].reversed().reduce(0) { $0 << 8 | Int($1) }
                guard root > 1, (root + 1) * Self.pageBytes <= bytes.count else { continue }
                for index in (root * Self.pageBytes + Self.pageBytes / 2)..<((root + 1) * Self.pageBytes) { bytes[index] = 0xA5 }
            }
        }
    }

    /// What a user gets from the gateway that serves the directory, with the file that the receiver keeps.
    func receive(_ user: String, _ gateway: GatewayProcess) async throws -> (texts: [String], gaps: [Int]) {
        let options = await gateway.options
        let result = try await Command.run(["receive", "--as", user, "--json", "--timeout", "1"] + options, in: directory)
        #expect(result.status == 0, "\(result.error)")
        var received: (texts: [String], gaps: [Int]) = ([], [])
        for line in result.output.split(separator: "\n") {
            let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            if let reason = object["gap"] as? String {
                #expect(reason == "damaged")
                received.gaps.append(try #require(object["count"] as? Int))
            } else if let text = object["text"] as? String {
                received.texts.append(text)
            }
        }
        return received
    }
}
