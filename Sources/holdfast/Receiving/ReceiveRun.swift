internal import Foundation
internal import HoldfastClient
internal import Synchronization

/// One run of `receive`: lines are collected while the ones before are being written, and acknowledged once they are.
final class ReceiveRun: Sendable {
    /// How it ended.
    enum Ending: Equatable, Sendable {
        /// As many as were asked for.
        case counted
        /// Nothing came for the timeout.
        case timedOut
        case interrupted
        case failed(CommandFailure)
    }

    /// Where lines go.
    enum Sink: Sendable {
        /// Standard output.
        case standardOutput(isJSON: Bool)
        /// A file, synced before anything is acknowledged.
        case file(OutputFile)
    }

    private struct Batch {
        var lines: [UInt8] = []
        var lastPosition: UInt64 = 0
        /// Taken from the stream so far, and when something last was.
        var messageCount = 0
        var lastArrival = ContinuousClock.now
        var waiter: CheckedContinuation<Void, Never>?
        var isOver = false
    }

    private let session: ClientSession
    private let sink: Sink
    private let user: String
    private let countMax: Int?
    private let timeout: TimeSpan?
    private let batch = Mutex(Batch())
    private let work = BlockingWork("holdfast.output")

    /// A run that ends after `count` messages, or when nothing has come for `timeout`.
    init(session: ClientSession, sink: Sink, user: String, count: Int?, timeout: TimeSpan?) {
        self.session = session
        self.sink = sink
        self.user = user
        countMax = count
        self.timeout = timeout
    }

    /// Messages taken so far.
    var messageCount: Int { batch.withLock { $0.messageCount } }

    /// Receives.
    func run() async -> Ending {
        let interruption = Interruption()
        return await withTaskGroup(of: Ending?.self) { group in
            group.addTask { await self.session.run().map { .failed($0) } }
            group.addTask {
                await self.session.reportNotices()
                return nil
            }
            group.addTask {
                await interruption.wait()
                return Task.isCancelled ? nil : .interrupted
            }
            group.addTask { await self.watchTime() }
            group.addTask { await self.writeAll() }
            group.addTask {
                await self.collect()
                return nil
            }
            for await ending in group {
                guard let ending else { continue }
                // What was collected is written and acknowledged all the same: it ends the writer, too.
                end()
                group.cancelAll()
                return ending
            }
            return .failed(CommandFailure("The client was closed."))
        }
    }

    private func collect() async {
        for await element in session.client.messages {
            let line = ReceivedLine(element, user: user)
            let isEnough = batch.withLock { batch -> Bool in
                guard !batch.isOver else { return true }
                switch sink {
                case .standardOutput(let isJSON): batch.lines.append(contentsOf: isJSON ? line.json : line.words)
                case .file(let file): batch.lines.append(contentsOf: line.json(after: file.lastPosition))
                }
                batch.lastPosition = line.position
                batch.lastArrival = .now
                if line.isMessage { batch.messageCount += 1 }
                batch.isOver = countMax.map { batch.messageCount >= $0 } ?? false
                batch.waiter?.resume()
                batch.waiter = nil
                return batch.isOver
            }
            if isEnough { return }
        }
    }

    private func end() {
        batch.withLock { batch in
            batch.isOver = true
            batch.waiter?.resume()
            batch.waiter = nil
        }
    }

    /// Writes what has gathered, then acknowledges it, until it is over and nothing is left.
    private func writeAll() async -> Ending? {
        while true {
            await waitForLines()
            let (lines, position, isOver) = batch.withLock { batch in
                defer { batch.lines = [] }
                return (batch.lines, batch.lastPosition, batch.isOver)
            }
            if lines.isEmpty { return isOver ? .counted : nil }
            do {
                let sink = sink
                try await work.run {
                    switch sink {
                    case .standardOutput: try StandardStreams.output(lines)
                    case .file(let file): try file.append(lines)
                    }
                }
            } catch {
                return .failed(error as? CommandFailure ?? CommandFailure("\(error)"))
            }
            await acknowledge(position)
        }
    }

    /// Not the task's own wait: a cancelled one doesn't wait, and what was written must be acknowledged in any case.
    private func acknowledge(_ position: UInt64) async {
        let client = session.client
        await Task { await client.acknowledge(through: position) }.value
    }

    private func waitForLines() async {
        await withCheckedContinuation { continuation in
            let isReady = batch.withLock { batch -> Bool in
                if batch.lines.isEmpty && !batch.isOver {
                    batch.waiter = continuation
                    return false
                }
                return true
            }
            if isReady { continuation.resume() }
        }
    }

    private func watchTime() async -> Ending? {
        guard let timeout else { return nil }
        while !Task.isCancelled {
            let waited = batch.withLock { ContinuousClock.now - $0.lastArrival }
            if waited >= timeout.duration { return .timedOut }
            try? await Task.sleep(for: timeout.duration - waited)
        }
        return nil
    }
}
