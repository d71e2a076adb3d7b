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

        fileprivate var isFailure: Bool { if case .failed = self { true } else { false } }
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
        /// The file was rotated.
        var wantsSuccessor = false
    }

    private let session: ClientSession
    private let sink: Mutex<Sink>
    /// The last position that was in the file at the start.
    private let storedPosition: UInt64?
    private let rotation: Rotation?
    private let isJSON: Bool
    private let user: String
    private let countMax: Int?
    private let timeout: TimeSpan?
    private let batch = Mutex(Batch())
    private let work = BlockingWork("holdfast.output")

    /// A run that ends after `count` messages, or when nothing has come for `timeout`.
    /// - Parameter rotation: says when the file is to be opened again.
    init(session: ClientSession, sink: Sink, rotation: Rotation?, user: String, count: Int?, timeout: TimeSpan?) {
        self.session = session
        self.sink = Mutex(sink)
        self.rotation = rotation
        switch sink {
        case .standardOutput(let isJSON): (storedPosition, self.isJSON) = (nil, isJSON)
        case .file(let file): (storedPosition, isJSON) = (file.lastPosition, true)
        }
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
            group.addTask { await self.watchRotation() }
            group.addTask { await self.writeAll() }
            group.addTask {
                await self.collect()
                return nil
            }
            var first: Ending?
            for await ending in group {
                guard let ending else { continue }
                // A failure to write counts, also one of what was collected when the end came.
                if first == nil || (ending.isFailure && first?.isFailure == false) { first = ending }
                // What was collected is written and acknowledged all the same: it ends the writer, too.
                end()
                group.cancelAll()
            }
            return first ?? .failed(CommandFailure("The client was closed."))
        }
    }

    private func collect() async {
        for await element in session.client.messages {
            let line = ReceivedLine(element, user: user)
            let isEnough = batch.withLock { batch -> Bool in
                guard !batch.isOver else { return true }
                batch.lines.append(contentsOf: !isJSON ? line.words : rotation == nil ? line.json : line.json(after: storedPosition))
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
            let (lines, position, isOver, wantsSuccessor) = batch.withLock { batch in
                defer { (batch.lines, batch.wantsSuccessor) = ([], false) }
                return (batch.lines, batch.lastPosition, batch.isOver, batch.wantsSuccessor)
            }
            if lines.isEmpty && !wantsSuccessor { return isOver ? .counted : nil }
            do {
                try await work.run { try self.write(lines, wantsSuccessor) }
            } catch {
                return .failed(Self.failure(error))
            }
            if !lines.isEmpty { await acknowledge(position) }
        }
    }

    private func write(_ lines: [UInt8], _ wantsSuccessor: Bool) throws {
        switch sink.withLock({ $0 }) {
        case .standardOutput: try StandardStreams.output(lines)
        case .file(var file):
            // All that went into the one before is acknowledged, and on its disk.
            if wantsSuccessor, let successor = try file.successor() {
                file = successor
                sink.withLock { $0 = .file(successor) }
            }
            if !lines.isEmpty { try file.append(lines) }
        }
    }

    private static func failure(_ error: any Error) -> CommandFailure {
        var failure = error as? CommandFailure ?? CommandFailure("\(error)")
        if failure.message.isEmpty { failure.message = "The reader of standard output has gone." }
        failure.message += " What wasn't written was not acknowledged, and comes again."
        return failure
    }

    /// A file that was rotated is opened again before anything else is written.
    private func watchRotation() async -> Ending? {
        guard let rotation else { return nil }
        for await event in rotation.events {
            if event == .hangUp { return .interrupted }
            batch.withLock { batch in
                batch.wantsSuccessor = true
                batch.waiter?.resume()
                batch.waiter = nil
            }
        }
        return nil
    }

    /// Not the task's own wait: a cancelled one doesn't wait, and what was written must be acknowledged in any case.
    private func acknowledge(_ position: UInt64) async {
        let client = session.client
        await Task { await client.acknowledge(through: position) }.value
    }

    private func waitForLines() async {
        await withCheckedContinuation { continuation in
            let isReady = batch.withLock { batch -> Bool in
                if batch.lines.isEmpty && !batch.isOver && !batch.wantsSuccessor {
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
