internal import HoldfastCore
internal import HoldfastIO
internal import HoldfastWire
internal import Logging
internal import Synchronization

/// The file in which log collectors read what operators have done. The audit log itself is in the store: nothing waits for this file, and a line
/// that it can't take is told of in the gateway's log.
///
/// A thread of its own writes it, since a disk may keep a writer waiting.
final class AuditFile: Sendable {
    private enum Job: Sendable {
        case write([AuditEntry])
        case reopen
    }

    private let threads: WorkerPool<Job>

    /// Opens the file, or makes it.
    init(_ path: String, _ logger: Logger) throws(IOError) {
        let writer = Mutex(try AuditWriter(path))
        threads = try WorkerPool(name: "audit", count: 1) { job in
            writer.withLock { writer in
                switch job {
                case .write(let entries): writer.write(entries, logger)
                case .reopen: writer.reopen(logger)
                }
            }
        }
    }

    /// Adds acts that are synced, in their order. Never waits.
    func write(_ entries: [AuditEntry]) { threads.post(.write(entries)) }

    /// Opens what is at the path now: the file may have been moved away. Never waits.
    func reopen() { threads.post(.reopen) }

    /// Writes what was added, as far as that is done by a time of the monotonic clock, in milliseconds.
    func stop(until end: UInt64) { _ = threads.stop(until: end) }
}

/// What is in the file, and what waits for it.
private struct AuditWriter: ~Copyable, Sendable {
    private let path: String
    private var file: AppendFile
    /// The last act that the file has: those that a start replays may be in it already.
    private var last: UInt64
    /// Whole lines.
    private var waiting: [UInt8] = []
    /// The file ends within a line, which is left as it is.
    private var endsWithinLine: Bool
    private var hasFailed = false

    /// Of lines that the file can't take now; more are left out.
    private static let waitingMax = 1 << 20
    /// The longest line is far shorter.
    private static let tailBytes = 64 << 10

    init(_ path: String) throws(IOError) {
        let file = try AppendFile(path)
        let tail = try file.tail(Self.tailBytes)
        self.path = path
        self.file = file
        endsWithinLine = tail.last.map { $0 != UInt8(ascii: "\n") } ?? false
        // A line that a crash has cut doesn't count.
        let whole = tail.prefix(upTo: tail.lastIndex(of: UInt8(ascii: "\n")) ?? tail.startIndex)
        last = whole.split(separator: UInt8(ascii: "\n")).last.flatMap { AuditLine.position(of: $0) } ?? 0
    }

    mutating func write(_ entries: [AuditEntry], _ logger: Logger) {
        for entry in entries where entry.position.rawValue > last {
            last = entry.position.rawValue
            let line = AuditLine(entry).bytes
            if waiting.count + line.count <= Self.waitingMax {
                waiting += line
            } else {
                logger.error(
                    "an act isn't in the audit file, which takes no more",
                    metadata: ["position": "\(last)", "do": "read it from the audit log over the control API"])
            }
        }
        flush(logger)
    }

    mutating func reopen(_ logger: Logger) {
        do throws(IOError) {
            file = try AppendFile(path)
            endsWithinLine = try file.tail(1).first.map { $0 != UInt8(ascii: "\n") } ?? false
            logger.info("opened the audit file again", metadata: ["file": "\(path)"])
        } catch {
            logger.error("the audit file can't be opened again, the old one stays: \(error)", metadata: ["do": Self.advice])
        }
        flush(logger)
    }

    private mutating func flush(_ logger: Logger) {
        guard !waiting.isEmpty else { return }
        var lines = endsWithinLine ? [UInt8(ascii: "\n")] : []
        lines += waiting
        let (count, failure) = file.append(lines[...])
        // A line of which a part is written is written anew: the file may be another one by then.
        let whole = lines.prefix(count).lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        if whole > 0 { endsWithinLine = false }
        if count > whole { endsWithinLine = true }
        // The break that may stand before them is no line's.
        if whole > 0 { waiting = Array(lines.dropFirst(whole)) }
        guard let failure else {
            if hasFailed { logger.info("the audit file takes lines again", metadata: ["file": "\(path)"]) }
            return hasFailed = false
        }
        if !hasFailed { logger.error("the audit file can't be written: \(failure)", metadata: ["do": Self.advice]) }
        hasFailed = true
    }

    private static let advice: Logger.MetadataValue =
        "make room, or let the gateway write there; what waits is written with the next act, or at SIGHUP"
}
