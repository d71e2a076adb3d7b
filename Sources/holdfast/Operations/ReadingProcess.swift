internal import Foundation
internal import HoldfastCore
internal import HoldfastIO
internal import HoldfastStorage
internal import HoldfastSystem

/// This program again, as a process of its own that reads a data directory: a damaged page may end it, and then only it.
enum ReadingProcess {
    /// Runs `holdfast` with these arguments and hands over what it writes, piece by piece.
    static func run(_ arguments: [String], _ output: (Data) throws -> Void) throws -> ReadingEnd {
        // The library that starts it fails with fewer, and doesn't say why.
        if let limit = SystemLimit.descriptors.value, limit < descriptorsMin {
            throw CommandFailure(
                "the limit of open descriptors is \(limit), \(descriptorsMin) are needed; raise it with ulimit -n",
                exitCode: CommandFailure.unavailable)
        }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
        process.arguments = arguments
        // What it dies of is told by whoever started it; a trace of the stack would only take time.
        process.environment = ProcessInfo.processInfo.environment.merging(["SWIFT_BACKTRACE": "enable=no"]) { _, new in new }
        let pipe = Pipe()
        process.standardInput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        process.standardOutput = pipe
        try process.run()
        defer {
            if process.isRunning { process.terminate() }
            process.waitUntilExit()
        }
        let reader = pipe.fileHandleForReading
        while case let data = reader.availableData, !data.isEmpty { try output(data) }
        process.waitUntilExit()
        return process.terminationReason == .exit ? .exited(process.terminationStatus) : .signalled(process.terminationStatus)
    }

    private static let descriptorsMin = 300

    /// Verifies the directory at `data`.
    static func verify(_ data: String, progress: (String, Int) -> Void) throws(StorageError) -> VerifyReport {
        var report = VerifyReport()
        var stage: String?
        var isDone = false
        var rest = Data()
        let end = try start(data, ["verify", "--here", "--data", data]) { piece in
            rest.append(piece)
            while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                let line = rest[rest.startIndex..<end]
                rest = rest[(end + 1)...]
                switch try JSONDecoder().decode(VerifyMessage.self, from: line) {
                case .progress(let name, let count):
                    stage = name
                    progress(name, count)
                case .finding(let finding): report.findings.append(finding)
                case .failed(let failure, let text):
                    let error = StorageError(StorageError.Code(rawValue: failure) ?? .system, text)
                    // Damage is what one asked for.
                    guard error.code == .damaged || error.code == .storeAhead else { throw error }
                    report.findings.append(unreadable(text, stage))
                    isDone = true
                case .done(let counts):
                    report.counts = counts
                    isDone = true
                }
            }
        }
        if !isDone {
            if let reason = end.reasonOtherThanDamage { throw unknown(data, reason) }
            report.findings.append(died(data, end, stage))
        }
        return report
    }

    /// As `run`, with an error that says what couldn't be started.
    private static func start(_ data: String, _ arguments: [String], _ output: (Data) throws -> Void) throws(StorageError) -> ReadingEnd {
        do {
            return try run(arguments, output)
        } catch let error as StorageError {
            throw error
        } catch {
            throw StorageError(.system, "Can't start a process that reads \(data): \(error). Check the system's limits, and run it again.")
        }
    }

    /// The reader ended, and not because of what it read.
    private static func unknown(_ data: String, _ reason: String) -> StorageError {
        StorageError(.system, "\(reason). Nothing is known about \(data), and nothing was changed. Mend that, and run it again.")
    }

    private static func unreadable(_ text: String, _ stage: String?) -> Finding {
        Finding(
            .unreadable, table: stage == "records" ? "journal" : stage == nil ? "journal or store" : "store", problem: text,
            effect: "the gateway stops when it comes to it")
    }

    private static func died(_ data: String, _ end: ReadingEnd, _ stage: String?) -> Finding {
        let files =
            stage == nil || stage == "free pages"
            ? "journal/data.mdb or store/data.mdb" : stage == "records" ? "journal/data.mdb" : "store/data.mdb"
        return Finding(
            .unreadable, table: files,
            problem: "a page of \(data)/\(files) can't be read: the process that read it "
                + "\(end)" + (stage.map { " while it read \($0)" } ?? ""),
            effect: "the gateway stops when it comes to that page",
            advice: "Stop the gateway, check the disk, and run holdfast repair --dry-run, which says what is lost; or restore a backup.")
    }

    /// What `Salvage` reads with.
    static func reading(_ data: String) -> Salvage.Reading {
        { (table, key, limit, row) throws(StorageError) in try read(data, table, key, limit, row) }
    }

    /// A number of the journal's table `meta`; nil when there is none that could be read.
    static func journalNumber(_ name: [UInt8], in data: String) throws(StorageError) -> (number: UInt64?, end: Salvage.End) {
        var number: UInt64?
        let end = try read(data, TableReader.journalMeta, [], nil) { key, value in
            if key == name, value.count == 8 { number = value.reduce(0) { $0 << 8 | UInt64($1) } }
        }
        return (number, end)
    }

    /// Reads a table.
    static func read(
        _ data: String, _ table: String, _ from: [UInt8], _ limit: Int?, _ row: ([UInt8], [UInt8]) throws(StorageError) -> Void
    ) throws(StorageError) -> Salvage.End {
        var frames = TableFrames()
        var arguments = ["read-table", "--data", data, "--table", table, "--from", from.map { String(format: "%02x", $0) }.joined()]
        if let limit { arguments += ["--limit", "\(limit)"] }
        let end = try start(data, arguments) { piece in
            frames.append(piece)
            while let (key, value) = frames.next() { try row(key, value) }
        }
        // What a reader that was killed didn't hand over isn't lost: a repair that went on would drop it.
        if !frames.isWhole, let reason = end.reasonOtherThanDamage { throw unknown(data, reason) }
        return frames.isWhole ? .whole : frames.hasBegun ? .died : .notOpened
    }
}

/// What the process that verifies tells the one that started it, one JSON object a line.
enum VerifyMessage: Codable {
    case progress(String, Int)
    case finding(Finding)
    /// Nothing could be verified: the code of a `StorageError`, and its text.
    case failed(UInt8, String)
    case done(VerifiedCounts)
}

/// What a verification found.
struct VerifyReport {
    var findings: [Finding] = []
    var counts = VerifiedCounts()
    var isIntact: Bool { findings.isEmpty }
}

/// Rows on a pipe: count of the key u32 | count of the value u32 | key | value; two marks say that the table was opened, and that all was read.
struct TableFrames {
    private static let begun: [UInt8] = [0xFF, 0xFF, 0xFF, 0xFE, 0, 0, 0, 0]
    private static let whole: [UInt8] = [0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0]

    private var bytes: [UInt8] = []
    private var offset = 0
    private(set) var hasBegun = false
    private(set) var isWhole = false

    /// Adds what came.
    mutating func append(_ data: Data) {
        bytes.removeFirst(offset)
        offset = 0
        bytes.append(contentsOf: data)
    }

    /// The next row that is there whole.
    mutating func next() -> (key: [UInt8], value: [UInt8])? {
        while bytes.count - offset >= 8 {
            let head = Array(bytes[offset..<offset + 8])
            if head == Self.begun || head == Self.whole {
                if head == Self.begun { hasBegun = true } else { isWhole = true }
                offset += 8
                continue
            }
            let (keyCount, valueCount) = (Self.count(head[..<4]), Self.count(head[4...]))
            guard bytes.count - offset >= 8 + keyCount + valueCount else { return nil }
            let start = offset + 8
            offset = start + keyCount + valueCount
            return (Array(bytes[start..<start + keyCount]), Array(bytes[start + keyCount..<offset]))
        }
        return nil
    }

    private static func count(_ bytes: ArraySlice<UInt8>) -> Int { bytes.reduce(0) { $0 << 8 | Int($1) } }

    /// Writes the rows of a table to standard output.
    static func write(_ table: String, of data: String, from key: [UInt8], limit: Int?) throws {
        let reader = try TableReader(table, of: data)
        try StandardStreams.output(begun)
        var buffer: [UInt8] = []
        var rest = limit ?? .max
        var failure: CommandFailure?
        func flush() {
            do throws(CommandFailure) { try StandardStreams.output(buffer) } catch { failure = error }
            buffer.removeAll(keepingCapacity: true)
        }
        do {
            // What was read is told before the next page is touched, which may be the end.
            defer { flush() }
            try reader.rows(from: key) { key, value in
                for count in [key.count, value.count] {
                    for shift in [24, 16, 8, 0] { buffer.append(UInt8(truncatingIfNeeded: count >> shift)) }
                }
                buffer += key
                buffer += value
                flush()
                rest -= 1
                return rest > 0 && failure == nil
            }
        }
        if let failure { throw failure }
        try StandardStreams.output(whole)
    }
}
