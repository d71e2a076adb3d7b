internal import Dispatch
internal import Foundation
internal import HoldfastClient
internal import Synchronization

/// One run of `chat`: everything that happens becomes an event, and one task shows them in order.
final class ChatRun: Sendable {
    private enum Event: Sendable {
        case input([UInt8])
        case inputEnded
        case incoming(Incoming)
        case connection(ConnectionState)
        case notice(String)
        case settled(Int, SendError?)
        case resized
        /// It's time to go although messages wait.
        case graceOver
        case interrupted
        case failed(CommandFailure)
    }

    private let session: ClientSession
    private let user: String
    private let peer: String
    private let events: AsyncStream<Event>
    private let continuation: AsyncStream<Event>.Continuation
    /// Messages on their way to the outbox, in order.
    private let outgoing: AsyncStream<(Int, String)>
    private let outgoingContinuation: AsyncStream<(Int, String)>.Continuation
    /// Messages that an earlier run has left in the outbox, and what stands for their numbers here.
    private let earlier: [PendingSend]
    private static let earlierID = -1
    /// What was being written when it began, and when it ended.
    let draft: Mutex<String>
    private let lost = Mutex<[String]>([])
    /// How long waiting messages hold up the end of an interactive chat.
    private static let grace = Duration.seconds(3)

    /// A chat of `user` with `peer`.
    /// - Parameter draft: what an earlier run was writing.
    init(session: ClientSession, user: String, peer: String, draft: String) {
        self.draft = Mutex(draft)
        self.session = session
        self.user = user
        self.peer = peer
        earlier = session.client.pendingSends
        (events, continuation) = AsyncStream.makeStream(of: Event.self)
        (outgoing, outgoingContinuation) = AsyncStream.makeStream(of: (Int, String).self)
    }

    /// Messages that were written and have no outcome.
    var waitingTexts: [String] { lost.withLock { $0 } }

    /// Runs until the end of the input, or of the person's patience.
    /// - Returns: how many messages were not sent.
    func run(terminal: Terminal?) async throws -> Int {
        let resizes = DispatchSource.makeSignalSource(signal: SIGWINCH, queue: .global())
        resizes.setEventHandler { [continuation] in continuation.yield(.resized) }
        resizes.resume()
        defer { resizes.cancel() }
        return try await withThrowingTaskGroup(of: Void.self) { group in
            addSources(to: &group)
            group.addTask { await self.sendAll() }
            defer { group.cancelAll() }
            if terminal != nil { return try await showOnTerminal() }
            return try await showAsLines()
        }
    }

    private func addSources(to group: inout ThrowingTaskGroup<Void, any Error>) {
        let (session, continuation) = (session, continuation)
        for message in earlier { group.addTask { await self.settle(Self.earlierID, message) } }
        if !earlier.isEmpty { continuation.yield(.notice("\(earlier.count) messages of an earlier run are being sent.")) }
        group.addTask { if let failure = await session.run() { continuation.yield(.failed(failure)) } }
        group.addTask { await session.reportNotices { continuation.yield(.notice($0)) } }
        group.addTask { for await state in session.client.connectionStates { continuation.yield(.connection(state)) } }
        group.addTask { for await element in session.client.messages { continuation.yield(.incoming(element)) } }
        group.addTask {
            // Who closes the terminal's window ends the chat, too.
            await Interruption([SIGINT, SIGTERM, SIGHUP]).wait()
            continuation.yield(.interrupted)
        }
        group.addTask {
            let reader = InputReader(STDIN_FILENO)
            while let bytes = try? await reader.next() { continuation.yield(.input(bytes)) }
            continuation.yield(.inputEnded)
        }
    }

    /// Puts messages into the outbox one after the other, and waits for all their outcomes at once.
    private func sendAll() async {
        await withDiscardingTaskGroup { group in
            for await (id, text) in outgoing {
                do throws(SendError) {
                    let pending = try await session.client.enqueue(Array(text.utf8), to: .user(peer))
                    group.addTask { await self.settle(id, pending) }
                } catch {
                    continuation.yield(.settled(id, error))
                }
            }
        }
    }

    private func settle(_ id: Int, _ pending: PendingSend) async {
        do throws(SendError) {
            _ = try await pending.receipt()
            continuation.yield(.settled(id, nil))
        } catch {
            continuation.yield(.settled(id, error))
        }
    }

    private func showOnTerminal() async throws -> Int {
        var model = ChatModel(user: user, peer: peer)
        var screen = ChatScreen(
            columns: Terminal.size.columns, rows: Terminal.size.rows, isStyled: Terminal.isStyled(ProcessInfo.processInfo.environment))
        var editor = LineEditor()
        _ = editor.take(.paste(draft.withLock { $0 }))
        defer {
            draft.withLock { [text = String(editor.text)] in $0 = text }
            lost.withLock { [texts = model.waiting.map(\.text)] in $0 = texts }
        }
        var keys = KeyDecoder()
        var isEnding = false
        model.notice("Control-C ends the chat.")
        for await event in events {
            var through: UInt64?
            switch event {
            case .input(let bytes):
                for key in keys.decode(bytes) {
                    switch editor.take(key) {
                    case .none: break
                    case .submit(let text):
                        outgoingContinuation.yield((model.wrote(text, time: Self.clock()), text))
                        hurry(model.connection)
                    case .redraw: screen.refresh()
                    case .tooLong(let bytes):
                        model.notice(
                            "That would be \(bytes) bytes; a message has at most \(MessageSource.bodyBytesMax). Nothing was put in.")
                    // A second time means at once.
                    case .end:
                        if isEnding { continuation.yield(.graceOver) }
                        isEnding = true
                    }
                }
            case .inputEnded, .interrupted: isEnding = true
            case .incoming(let element):
                model.received(element, time: { Self.clock(milliseconds: $0) })
                through = element.position
            case .connection(let state): model.connection = state
            case .notice(let text): model.notice(text)
            case .settled(let id, let error): model.settled(id, error)
            case .resized: screen.resize(columns: Terminal.size.columns, rows: Terminal.size.rows)
            case .failed(let failure):
                try StandardStreams.output(Array(screen.erase().utf8))
                throw failure
            case .graceOver: break
            }
            try StandardStreams.output(Array(screen.draw(model.takeFinished(), model, editor).utf8))
            // It counts as seen once it is on the screen.
            if let through { await session.client.acknowledge(through: through) }
            if isEnding {
                if case .graceOver = event { break }
                if model.waiting.isEmpty { break }
                startGrace()
            }
        }
        try StandardStreams.output(Array(screen.erase().utf8))
        return model.waiting.count
    }

    /// Somebody waits: the pause before the next attempt is cut short (REQ-TIME-7).
    private func hurry(_ state: ConnectionState) {
        guard case .waiting = state else { return }
        let client = session.client
        Task { try? await client.connect() }
    }

    private func startGrace() {
        let continuation = continuation
        Task {
            try? await Task.sleep(for: Self.grace)
            continuation.yield(.graceOver)
        }
    }

    /// Without a terminal: a line in is a message, and what happens is a line out.
    private func showAsLines() async throws -> Int {
        var model = ChatModel(user: user, peer: peer)
        var splitter = LineSplitter(bytesMax: MessageSource.bodyBytesMax)
        var isEnding = false
        var earlierCount = earlier.count
        var refusedCount = 0
        for await event in events {
            var through: UInt64?
            var lines: [ArraySlice<UInt8>] = []
            switch event {
            case .input(let bytes):
                do throws(LineSplitter.LineTooLong) {
                    try splitter.append(bytes[...], into: &lines)
                } catch {
                    throw CommandFailure("Line \(error.lineNumber) has more than \(error.bytesMax) bytes, which no gateway takes.")
                }
            case .inputEnded:
                if let last = splitter.finish() { lines.append(last) }
                isEnding = true
            case .incoming(let element):
                model.received(element, time: { Self.clock(milliseconds: $0) })
                through = element.position
            case .connection(let state): model.connection = state
            case .notice(let text): StandardStreams.error("holdfast: \(text)")
            case .settled(let id, let error):
                if error != nil { refusedCount += 1 }
                if id == Self.earlierID { earlierCount -= 1 } else { model.settled(id, error) }
            case .failed(let failure): throw failure
            case .interrupted, .graceOver: return model.waiting.count
            case .resized: continue
            }
            for line in lines where !line.isEmpty {
                let text = String(decoding: line, as: UTF8.self)
                outgoingContinuation.yield((model.wrote(text, time: Self.clock()), text))
            }
            for line in model.takeFinished() { try StandardStreams.output(line: line.text) }
            if let through { await session.client.acknowledge(through: through) }
            if isEnding && model.waiting.isEmpty && earlierCount == 0 { break }
        }
        if refusedCount > 0 { throw CommandFailure("\(refusedCount) messages were refused.") }
        return model.waiting.count
    }

    /// The time of day here, now or at a time in milliseconds since 1970.
    private static func clock(milliseconds: UInt64? = nil) -> String {
        // What a gateway says may be any number; beyond year 9999 no calendar needs to count.
        let date = milliseconds.map { Date(timeIntervalSince1970: Double(min($0, 253_402_300_799_999)) / 1000) } ?? Date()
        let parts = Calendar.current.dateComponents([.hour, .minute], from: date)
        return [parts.hour ?? 0, parts.minute ?? 0].map { $0 < 10 ? "0\($0)" : "\($0)" }.joined(separator: ":")
    }
}
