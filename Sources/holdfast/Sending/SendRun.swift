internal import Foundation
internal import HoldfastClient
internal import Synchronization

/// One run of `send`: from the input through the outbox to the gateway's disk.
final class SendRun: Sendable {
    /// How it ended before everything was stored.
    enum Ending: Equatable, Sendable {
        case finished
        case timedOut
        case interrupted
        case failed(CommandFailure)
    }

    /// A message in the outbox, and how much of the input it is.
    private struct Sent: Sendable {
        var message: PendingSend
        var bytes: Int
    }

    private let session: ClientSession
    private let source: MessageSource
    private let recipient: String
    private let kind: BodyKindName
    private let timeout: TimeSpan
    private let ledger: Mutex<SendLedger>
    /// At once in one write to the outbox.
    private static let batchMessagesMax = 1_000

    /// A run that sends `source` to `recipient`.
    init(session: ClientSession, source: MessageSource, recipient: String, kind: BodyKindName, timeout: TimeSpan) {
        self.session = session
        self.source = source
        self.recipient = recipient
        self.kind = kind
        self.timeout = timeout
        ledger = Mutex(SendLedger(now: .now))
    }

    /// Sends; returns when all is stored, or when it can't go on.
    func run(showsProgress: Bool) async -> Ending {
        let interruption = Interruption()
        let ending = await withTaskGroup(of: Ending?.self) { group in
            group.addTask { await self.session.run().map { .failed($0) } }
            group.addTask {
                await self.session.reportNotices()
                return nil
            }
            group.addTask {
                await interruption.wait()
                return Task.isCancelled ? nil : .interrupted
            }
            group.addTask { await self.watchProgress() }
            if showsProgress {
                group.addTask {
                    await self.showProgress()
                    return nil
                }
            }
            group.addTask {
                do {
                    try await self.sendAll()
                    return Task.isCancelled ? nil : .finished
                } catch let failure as CommandFailure {
                    return .failed(failure)
                } catch {
                    return Task.isCancelled ? nil : .failed(CommandFailure("\(error)"))
                }
            }
            for await ending in group {
                guard let ending else { continue }
                group.cancelAll()
                return ending
            }
            return .failed(CommandFailure("The client was closed."))
        }
        return ending
    }

    /// What became of everything. To be asked before the client is closed.
    /// - Parameter isKept: the outbox outlives this run.
    func report(_ ending: Ending, isKept: Bool) -> SendReport {
        let waiting: SendReport.Waiting =
            switch ending {
            case _ where isKept: .kept
            case .timedOut: .tooLate
            case .interrupted: .interrupted
            case .finished, .failed: .ended
            }
        let ledger = ledger.withLock { $0 }
        // In this order: what leaves the outbox in between counts as waiting, and what has failed is never taken for stored.
        let pending = session.client.pendingSends.map(\.inputNumber)
        var failures = ledger.failures
        for failure in session.client.failedSends { failures[failure.inputNumber] = failure.code }
        // What was read and isn't in the outbox had no room in it.
        let taken = max(session.client.inputs.count, pending.last ?? 0, ledger.enqueuedThrough)
        let isNumbered = if case .lines = source { true } else { false }
        return SendReport(
            durableCount: isNumbered ? ledger.storedCount(taken: taken, pending: pending, failed: failures.keys) : ledger.durableCount,
            skippedCount: ledger.skippedCount, failures: failures, pending: pending,
            unreadFrom: ledger.isInputComplete ? nil : taken + 1, waiting: waiting)
    }

    private func sendAll() async throws {
        let (pending, continuation) = AsyncStream.makeStream(of: Sent.self)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for await sent in pending { await self.settle(sent) }
            }
            var failure: CommandFailure?
            let earlier = session.client.pendingSends
            ledger.withLock { [taken = session.client.inputs.count] ledger in
                ledger.takenBefore = taken
                ledger.pendingBefore = Set(earlier.map(\.inputNumber))
                ledger.began(earlier.count, now: .now)
            }
            for message in earlier { continuation.yield(Sent(message: message, bytes: 0)) }
            switch source {
            case .single(let body):
                try await enqueue([OutgoingMessage(body: body, kind: kind.kind, to: .user(recipient))], continuation)
                ledger.withLock { $0.isInputComplete = true }
            case .lines(let descriptor, _): failure = try await sendLines(InputReader(descriptor), continuation)
            }
            continuation.finish()
            try await group.waitForAll()
            if let failure { throw failure }
        }
    }

    /// - Returns: why it stopped before the end of the input; what was read is sent all the same.
    private func sendLines(
        _ reader: InputReader, _ continuation: AsyncStream<Sent>.Continuation
    ) async throws -> CommandFailure? {
        var splitter = LineSplitter(bytesMax: MessageSource.bodyBytesMax)
        var input = ResumedInput(recipient: recipient, kind: kind, progress: session.client.inputs)
        var lines: [ArraySlice<UInt8>] = []
        var isOver = false
        while !isOver {
            lines.removeAll(keepingCapacity: true)
            if let chunk = try await reader.next() {
                do throws(LineSplitter.LineTooLong) {
                    try splitter.append(chunk[...], into: &lines)
                } catch {
                    try await take(lines, &input, continuation)
                    return CommandFailure(
                        "Line \(error.lineNumber) has more than \(error.bytesMax) bytes, which no gateway takes; it and what follows is not sent."
                    )
                }
            } else {
                if Task.isCancelled { return nil }
                isOver = true
                if let last = splitter.finish() { lines.append(last) }
            }
            try await take(lines, &input, continuation)
        }
        do throws(ResumedInput.DifferentInput) { try input.finish() } catch { throw Self.failure(error) }
        ledger.withLock { $0.isInputComplete = true }
        return nil
    }

    private func take(
        _ lines: [ArraySlice<UInt8>], _ input: inout ResumedInput, _ continuation: AsyncStream<Sent>.Continuation
    ) async throws {
        var batch: [OutgoingMessage] = []
        for line in lines {
            do throws(ResumedInput.DifferentInput) {
                guard let next = try input.next(line) else {
                    ledger.withLock { [count = line.count] in $0.skipped(bytes: count + 1) }
                    continue
                }
                batch.append(OutgoingMessage(body: next.body, kind: kind.kind, to: .user(recipient), tag: next.tag))
            } catch {
                throw Self.failure(error)
            }
            if batch.count == Self.batchMessagesMax {
                try await enqueue(batch, continuation)
                batch.removeAll(keepingCapacity: true)
            }
        }
        ledger.withLock { [count = input.count, skipped = input.skippedCount] in
            $0.readCount = count
            $0.skippedCount = skipped
        }
        try await enqueue(batch, continuation)
    }

    private func enqueue(_ batch: [OutgoingMessage], _ continuation: AsyncStream<Sent>.Continuation) async throws {
        guard !batch.isEmpty else { return }
        ledger.withLock { $0.began(batch.count, now: .now) }
        do throws(SendError) {
            for (message, outgoing) in zip(try await session.client.enqueue(contentsOf: batch), batch) {
                ledger.withLock { $0.enqueued(message.inputNumber) }
                continuation.yield(Sent(message: message, bytes: outgoing.body.count + 1))
            }
        } catch {
            if error.code == .closed { throw CancellationError() }
            throw CommandFailure("A message can't be put into the outbox: \(error).")
        }
    }

    private func settle(_ sent: Sent) async {
        do throws(SendError) {
            _ = try await sent.message.receipt()
            ledger.withLock { $0.stored(bytes: sent.bytes, now: .now) }
        } catch {
            // Closed is no outcome: the message is where it was.
            guard error.code != .closed else { return }
            ledger.withLock { $0.failed(sent.message.inputNumber, error.code, bytes: sent.bytes, now: .now) }
        }
    }

    /// Returns when nothing has moved for the timeout.
    private func watchProgress() async -> Ending? {
        while !Task.isCancelled {
            let waited = ledger.withLock { $0.outstandingCount > 0 ? ContinuousClock.now - $0.lastProgress : .zero }
            if waited >= timeout.duration { return .timedOut }
            try? await Task.sleep(for: timeout.duration - waited)
        }
        return nil
    }

    private func showProgress() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(200))
            StandardStreams.progress(ledger.withLock { $0.progress(of: source.inputBytes) })
        }
        StandardStreams.progress("")
    }

    private static func failure(_ error: ResumedInput.DifferentInput) -> CommandFailure {
        let what =
            error.available.map { "has only \($0) lines, and \(error.taken) of them were taken before" }
            ?? "differs within the first \(error.taken) lines, which were taken before, or --to or --kind does"
        return CommandFailure(
            "The input is not the one that --state has begun with: it \(what). Nothing of it was sent now; use another directory for another input.",
            exitCode: CommandFailure.usage)
    }
}
