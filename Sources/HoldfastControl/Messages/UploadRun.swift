internal import HoldfastCore
internal import HoldfastGateway
internal import HummingbirdCore
internal import NIOCore
internal import Synchronization

/// An upload: messages in, one a line, and for each one line out, in their order. Between the line that is read and the one that is answered lie so many
/// lines and bytes at most; a client that doesn't take the answers isn't read any more.
struct UploadRun: Sendable {
    let port: CorePort
    let gateway: Gateway
    let caller: Caller
    let id: String
    let limits: UploadLimits
    let upload: CorePort.Upload
    /// The number of the first line.
    let firstLine: UInt32
    /// A hash of all lines before it.
    let hash: UInt64

    /// A line on its way.
    private struct Pending: Sendable {
        var line: UInt32
        var bytes: Int
        var request: PushRequest?
        var result: Task<Result<PortAnswer, PortError>, Never>?
        /// Why the upload ends with this line.
        var problem: Problem?
    }

    /// Reads the lines of `body` and writes their answers. The upload's key is free for others at the end.
    // The writer is used by the library's functions, which run beside actors: so do these.
    @concurrent func run(_ body: RequestBody, _ writer: inout any ResponseBodyWriter) async throws {
        let window = UploadWindow(lines: limits.linesMax, bytes: limits.bytesMax)
        let (lines, source) = AsyncStream.makeStream(of: Pending.self)
        let reader = Task {
            await read(body, window, source)
            source.finish()
        }
        var failure: (any Error)?
        do { try await answer(lines, window, &writer) } catch { failure = error }
        // A client that goes, and a line that is refused, end the reading. What is with the core has to come back before others may have the key: it must
        // not be taken for theirs.
        window.close()
        reader.cancel()
        await reader.value
        for await pending in lines { _ = await pending.result?.value }
        port.end(upload)
        if let failure { throw failure }
        try await writer.finish(nil)
    }

    /// Writes the answers as they come, up to the end or the first line that is refused.
    @concurrent private func answer(_ lines: AsyncStream<Pending>, _ window: UploadWindow, _ writer: inout any ResponseBodyWriter)
        async throws
    {
        var buffer = ByteBuffer()
        for await pending in lines {
            let isLast = await write(pending, to: &buffer)
            // What is answered together leaves together.
            if window.release(pending.bytes) == 0 || buffer.readableBytes >= limits.writeBytes || isLast {
                try await writer.write(buffer)
                buffer.clear()
            }
            if isLast { return }
        }
    }

    /// True: the upload ends with it.
    private func write(_ pending: Pending, to buffer: inout ByteBuffer) async -> Bool {
        var problem = pending.problem
        if let result = pending.result, let request = pending.request {
            switch await result.value {
            case .success(.pushed(let pushed)):
                buffer.writeBytes(
                    JSONWriter.object { json in
                        json.add("line", Int(pending.line))
                        Endpoints.write(pushed, of: request, to: &json)
                    })
                buffer.writeInteger(UInt8(ascii: "\n"))
            case .success(.refused(let refusal)): problem = Problem(refusal)
            case .success: preconditionFailure("a push is answered by what became of it")
            case .failure(let error): problem = Problem(error)
            }
        }
        guard let problem else { return false }
        buffer.writeBytes(
            JSONWriter.object { json in
                json.add("line", Int(pending.line))
                json.add("problem") { problem.write(to: &$0, requestID: id) }
            })
        buffer.writeInteger(UInt8(ascii: "\n"))
        return true
    }

    private func read(_ body: RequestBody, _ window: UploadWindow, _ source: AsyncStream<Pending>.Continuation) async {
        var splitter = UploadLines(bytesMax: limits.lineBytesMax)
        var (line, hash) = (firstLine, hash)
        do {
            for try await part in body {
                splitter.append(part)
                while let bytes = try splitter.next() {
                    guard try await push(bytes, line, &hash, window, source) else { return }
                    line += 1
                }
            }
            if let bytes = splitter.last() { _ = try await push(bytes, line, &hash, window, source) }
        } catch let problem as Problem {
            source.yield(Pending(line: line, bytes: 0, problem: problem))
        } catch {
            // The connection is gone; what was read is stored all the same.
        }
    }

    /// Hands a line to the core. False: the upload ends.
    private func push(
        _ bytes: [UInt8], _ line: UInt32, _ hash: inout UInt64, _ window: UploadWindow, _ source: AsyncStream<Pending>.Continuation
    ) async throws -> Bool {
        guard await window.take(bytes.count) else { return false }
        guard gateway.isServing else {
            throw Problem(.stopping, "The gateway takes no more lines.", retryAfterSeconds: 5)
        }
        while gateway.isShedding { try await Task.sleep(for: RequestRoom.shedStep) }
        let fields = try MessageFields(bytes, from: caller, bodyBytesMax: limits.bodyBytesMax)
        hash = RequestHash.fingerprint([Self.bytes(hash), Self.bytes(fields.fingerprint)])
        let (port, upload, hash) = (port, upload, hash)
        // It runs here up to where it waits for the core, so that lines reach the core in their order.
        let result = Task.immediate { () -> Result<PortAnswer, PortError> in
            do throws(PortError) {
                return .success(try await port.push(fields.request, line: line, hash: hash, of: upload))
            } catch {
                return .failure(error)
            }
        }
        source.yield(Pending(line: line, bytes: bytes.count, request: fields.request, result: result))
        return true
    }

    private static func bytes(_ number: UInt64) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * UInt64($0))) } }
}

/// What an upload may take.
struct UploadLimits: Sendable {
    /// Lines, and their bytes, that aren't answered.
    var linesMax = 256
    var bytesMax = 1 << 20
    /// Of one line.
    var lineBytesMax: Int
    /// Of a message's body.
    var bodyBytesMax: Int
    /// Answers that leave at once.
    var writeBytes = 16 << 10
}

/// Takes bytes apart into lines.
struct UploadLines {
    private let bytesMax: Int
    private var buffer = ByteBuffer()
    /// Of the buffer, without a line's end in them.
    private var searched = 0

    init(bytesMax: Int) { self.bytesMax = bytesMax }

    mutating func append(_ part: ByteBuffer) {
        var part = part
        if buffer.readableBytes == 0 { buffer.clear(minimumCapacity: part.readableBytes) } else { buffer.discardReadBytes() }
        buffer.writeBuffer(&part)
    }

    /// The next whole line that isn't empty; nil: it isn't there yet.
    mutating func next() throws(Problem) -> [UInt8]? {
        while true {
            let view = buffer.readableBytesView
            guard let end = view.dropFirst(searched).firstIndex(of: UInt8(ascii: "\n")) else {
                searched = view.count
                try check(view.count)
                return nil
            }
            let count = end - view.startIndex
            try check(count)
            searched = 0
            let line = buffer.readBytes(length: count) ?? []
            buffer.moveReaderIndex(forwardBy: 1)
            if let line = Self.trimmed(line) { return line }
        }
    }

    /// What is left at the end; nil: nothing.
    mutating func last() -> [UInt8]? { Self.trimmed(buffer.readBytes(length: buffer.readableBytes) ?? []) }

    private func check(_ count: Int) throws(Problem) {
        guard count <= bytesMax else { throw Problem(.bodyTooLarge, "The line has more than \(bytesMax) bytes.") }
    }

    private static func trimmed(_ line: [UInt8]) -> [UInt8]? {
        line.allSatisfy { $0 == 0x20 || $0 == 0x0D || $0 == 0x09 } ? nil : line
    }
}

/// Room for lines that aren't answered: one task takes it, another gives it back.
final class UploadWindow: Sendable {
    private struct State {
        var lines: Int
        var bytes: Int
        var taken = 0
        var isClosed = false
        var waiting: (bytes: Int, continuation: CheckedContinuation<Bool, Never>)?
    }

    private let state: Mutex<State>
    private let bytesMax: Int

    init(lines: Int, bytes: Int) {
        bytesMax = bytes
        state = Mutex(State(lines: lines, bytes: bytes))
    }

    /// Takes room for a line as soon as there is some; a longer one than all of the room takes all. False: nobody answers any more.
    func take(_ bytes: Int) async -> Bool {
        let wanted = min(bytes, bytesMax)
        return await withCheckedContinuation { continuation in
            let result: Bool? = state.withLock { state in
                if state.isClosed { return false }
                if Self.takes(wanted, &state) { return true }
                state.waiting = (wanted, continuation)
                return nil
            }
            if let result { continuation.resume(returning: result) }
        }
    }

    /// Gives it back.
    /// - Returns: lines that are still to be answered.
    func release(_ bytes: Int) -> Int {
        let (left, next) = state.withLock { state -> (Int, CheckedContinuation<Bool, Never>?) in
            guard state.taken > 0 else { return (0, nil) }
            state.lines += 1
            state.taken -= 1
            state.bytes += min(bytes, bytesMax)
            guard let waiting = state.waiting, Self.takes(waiting.bytes, &state) else { return (state.taken, nil) }
            state.waiting = nil
            return (state.taken, waiting.continuation)
        }
        next?.resume(returning: true)
        return left
    }

    /// Who waits, and who comes, gets none.
    func close() {
        let waiting = state.withLock { state in
            state.isClosed = true
            defer { state.waiting = nil }
            return state.waiting
        }
        waiting?.continuation.resume(returning: false)
    }

    private static func takes(_ bytes: Int, _ state: inout State) -> Bool {
        guard state.lines > 0, state.bytes >= bytes else { return false }
        state.lines -= 1
        state.bytes -= bytes
        state.taken += 1
        return true
    }
}
