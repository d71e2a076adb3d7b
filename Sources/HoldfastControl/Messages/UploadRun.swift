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

    /// Lines that came together, on their way together: one by one, each would cost more on its way than in the core.
    private struct Group: Sendable {
        var lines: [CorePort.UploadLine] = []
        var bytes = 0
        var result: Task<Result<[PortAnswer], PortError>, Never>?
        /// Why the upload ends behind these lines, and with which.
        var end: (line: UInt32, problem: Problem)?
    }

    /// Reads the lines of `body` and writes their answers. The upload's key is free for others at the end.
    // The writer is used by the library's functions, which run beside actors: so do these.
    @concurrent func run(_ body: RequestBody, _ writer: inout any ResponseBodyWriter) async throws {
        let window = UploadWindow(lines: limits.linesMax, bytes: limits.bytesMax)
        let (lines, source) = AsyncStream.makeStream(of: Group.self)
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
        for await group in lines { _ = await group.result?.value }
        port.end(upload)
        if let failure { throw failure }
        try await writer.finish(nil)
    }

    /// Writes the answers as they come, up to the end or the first line that is refused.
    @concurrent private func answer(_ groups: AsyncStream<Group>, _ window: UploadWindow, _ writer: inout any ResponseBodyWriter)
        async throws
    {
        var buffer = ByteBuffer()
        for await group in groups {
            let isLast = await write(group, to: &buffer)
            // What is answered together leaves together.
            if window.release(lines: group.lines.count, bytes: group.bytes) == 0 || buffer.readableBytes >= limits.writeBytes || isLast {
                try await writer.write(buffer)
                buffer.clear()
            }
            if isLast { return }
        }
    }

    /// True: the upload ends with it.
    private func write(_ group: Group, to buffer: inout ByteBuffer) async -> Bool {
        if let result = group.result {
            switch await result.value {
            case .success(let answers):
                for (line, answer) in zip(group.lines, answers) {
                    switch answer {
                    case .pushed(let pushed):
                        Self.write(line.number, to: &buffer) { Endpoints.write(pushed, of: line.push, to: &$0) }
                    case .refused(let refusal): return end(line.number, Problem(refusal), &buffer)
                    default: preconditionFailure("a push is answered by what became of it")
                    }
                }
            case .failure(let error): return end(group.lines[0].number, Problem(error), &buffer)
            }
        }
        return group.end.map { end($0.line, $0.problem, &buffer) } ?? false
    }

    private static func write(_ line: UInt32, to buffer: inout ByteBuffer, _ fields: (inout JSONWriter) -> Void) {
        buffer.writeBytes(
            JSONWriter.object { json in
                json.add("line", Int(line))
                fields(&json)
            })
        buffer.writeInteger(UInt8(ascii: "\n"))
    }

    private func end(_ line: UInt32, _ problem: Problem, _ buffer: inout ByteBuffer) -> Bool {
        Self.write(line, to: &buffer) { json in json.add("problem") { problem.write(to: &$0, requestID: id) } }
        return true
    }

    private func read(_ body: RequestBody, _ window: UploadWindow, _ source: AsyncStream<Group>.Continuation) async {
        var splitter = UploadLines(bytesMax: limits.lineBytesMax)
        var (line, hash, group) = (firstLine, hash, Group())
        do {
            for try await part in body {
                splitter.append(part)
                while let bytes = try splitter.next() {
                    try add(bytes, line, &hash, to: &group)
                    line += 1
                    if group.lines.count == limits.groupLines || group.bytes >= limits.groupBytes {
                        guard try await push(&group, window, source) else { return }
                    }
                }
                guard try await push(&group, window, source) else { return }
            }
            if let bytes = splitter.last() { try add(bytes, line, &hash, to: &group) }
            _ = try await push(&group, window, source)
        } catch let problem as Problem {
            // The lines before it are stored.
            let goesOn = (try? await push(&group, window, source)) ?? false
            if goesOn { source.yield(Group(end: (line, problem))) }
        } catch {
            // The connection is gone; what was read is stored all the same.
            _ = try? await push(&group, window, source)
        }
    }

    private func add(_ bytes: [UInt8], _ line: UInt32, _ hash: inout UInt64, to group: inout Group) throws(Problem) {
        let fields = try MessageFields(bytes, from: caller, bodyBytesMax: limits.bodyBytesMax)
        hash = RequestHash.fingerprint([Self.bytes(hash), Self.bytes(fields.fingerprint)])
        group.lines.append(CorePort.UploadLine(fields.request, number: line, hash: hash))
        group.bytes += bytes.count
    }

    /// Hands lines to the core, and begins a new group. False: the upload ends.
    private func push(_ group: inout Group, _ window: UploadWindow, _ source: AsyncStream<Group>.Continuation) async throws -> Bool {
        guard let first = group.lines.first else { return true }
        guard await window.take(lines: group.lines.count, bytes: group.bytes) else { return false }
        guard gateway.isServing else {
            source.yield(Group(end: (first.number, Problem(.stopping, "The gateway takes no more lines.", retryAfterSeconds: 5))))
            return false
        }
        while gateway.isShedding { try await Task.sleep(for: RequestRoom.shedStep) }
        var sent = group
        group = Group()
        let (port, upload, lines) = (port, upload, sent.lines)
        // It runs here up to where it waits for the core, so that lines reach the core in their order.
        sent.result = Task.immediate { () -> Result<[PortAnswer], PortError> in
            do throws(PortError) { return .success(try await port.push(lines, of: upload)) } catch { return .failure(error) }
        }
        source.yield(sent)
        return true
    }

    private static func bytes(_ number: UInt64) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * UInt64($0))) } }
}

/// What an upload may take.
struct UploadLimits: Sendable {
    /// Lines, and their bytes, that aren't answered.
    var linesMax = 1_024
    var bytesMax = 1 << 20
    /// Lines, and their bytes, that go to the core together.
    var groupLines = 64
    var groupBytes = 64 << 10
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
        var waiting: (lines: Int, bytes: Int, continuation: CheckedContinuation<Bool, Never>)?
    }

    private let state: Mutex<State>
    private let bytesMax: Int

    init(lines: Int, bytes: Int) {
        bytesMax = bytes
        state = Mutex(State(lines: lines, bytes: bytes))
    }

    /// Takes room for lines as soon as there is some; longer ones than all of the room take all. False: nobody answers any more.
    func take(lines: Int, bytes: Int) async -> Bool {
        let wanted = min(bytes, bytesMax)
        return await withCheckedContinuation { continuation in
            let result: Bool? = state.withLock { state in
                if state.isClosed { return false }
                if Self.takes(lines, wanted, &state) { return true }
                state.waiting = (lines, wanted, continuation)
                return nil
            }
            if let result { continuation.resume(returning: result) }
        }
    }

    /// Gives it back.
    /// - Returns: lines that are still to be answered.
    func release(lines: Int, bytes: Int) -> Int {
        let (left, next) = state.withLock { state -> (Int, CheckedContinuation<Bool, Never>?) in
            assert(state.taken >= lines, "room is given back once")
            state.lines += lines
            state.taken -= lines
            state.bytes += min(bytes, bytesMax)
            guard let waiting = state.waiting, Self.takes(waiting.lines, waiting.bytes, &state) else { return (state.taken, nil) }
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

    private static func takes(_ lines: Int, _ bytes: Int, _ state: inout State) -> Bool {
        guard state.lines >= lines, state.bytes >= bytes else { return false }
        state.lines -= lines
        state.bytes -= bytes
        state.taken += lines
        return true
    }
}
