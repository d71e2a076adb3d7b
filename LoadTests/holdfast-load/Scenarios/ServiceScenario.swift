internal import ArgumentParser
internal import Foundation
internal import HoldfastClient
internal import HoldfastClientTransport
internal import HoldfastIO
internal import Synchronization

/// Durable messages from a service account through the client library, to users who are away, beside what the disk gives at best.
struct ServiceScenario: Sendable {
    var target: Target
    /// Of the account: each is an instance of its own, and has 127 messages on their way at most (SPEC REQ-ENC-7).
    var sessions = 1
    var recipients = 10_000
    /// Messages of a session that may wait for an answer.
    var window = 1_000
    var bodyBytes = 100
    var seconds = 10.0

    private static let warmUpSeconds = 2.0

    /// Runs it.
    func run() async throws -> Report {
        guard sessions > 0, recipients > 0, window > 0, 28...60_000 ~= bodyBytes, seconds > 0 else {
            throw LoadError(usage: "--sessions, --recipients and --window must be at least 1, --bytes 28 to 60000, --duration above 0")
        }
        let probe = try ProbeScenario(directory: (target.data as NSString).deletingLastPathComponent, seconds: min(seconds, 5)).run()
        let book = try await TokenBook(count: 1, origin: target.tokens)
        var instances: [Instance] = []
        for number in 0..<sessions { instances.append(try await Instance(number, of: self, book)) }
        var report = Report(scenario: "service" + target.suffix, clients: sessions)
        try await send(for: Self.warmUpSeconds, by: instances)
        let (watch, before) = (Stopwatch(target), instances.reduce(0) { $0 + $1.stored })
        try await send(for: seconds, by: instances)
        let (reading, after) = (watch.read(), instances.reduce(0) { $0 + $1.stored })
        report.add(reading)
        for instance in instances {
            let tally = try await instance.close()
            report.sent += tally.stored + tally.failures.values.reduce(0, +)
            report.acknowledged += tally.stored
            for (code, count) in tally.failures { report.faults["refused: \(code)", default: 0] += count }
            if tally.holes > 0 { report.faults["receipts out of order", default: 0] += tally.holes }
        }
        let rate = Double(after - before) / reading.seconds
        report.rates["acknowledged"] = rate
        report.rates["probeRecords"] = probe.rates["records"]
        report.figures["ratioToProbe"] = probe.rates["records"].map { rate / $0 }
        report.figures["sessions"] = Double(sessions)
        report.figures["window"] = Double(window)
        report.figures["bodyBytes"] = Double(bodyBytes)
        return report
    }

    private func send(for seconds: Double, by instances: [Instance]) async throws {
        let end = ContinuousClock.now + .seconds(seconds)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for instance in instances { group.addTask { try await instance.send(until: end) } }
            try await group.waitForAll()
        }
    }

    /// A session of the account.
    private final class Instance: Sendable {
        private let client: HoldfastClient
        private let run: String
        private let window, recipients, bodyBytes: Int
        private let source: AsyncStream<PendingSend>.Continuation
        private let answers: Task<Void, Never>
        private let counted = Counted()

        /// Also the task's that waits for the answers.
        private final class Counted: Sendable { let tally = Mutex(Tally()) }

        init(_ number: Int, of scenario: ServiceScenario, _ book: TokenBook) async throws {
            let target = scenario.target
            let tls = target.tls.map { ClientEndpoint.TLSOptions(serverName: $0.serverName, trustFile: target.trust) }
            let endpoint = ClientEndpoint(host: target.address.host, port: target.address.port, tls: tls)
            client = try HoldfastClient(
                configuration: .service(book.name(0), instance: "load-\(number)", endpoint: endpoint, unansweredMax: scenario.window),
                transport: LoopTransport()
            ) { String(decoding: book[0], as: UTF8.self) }
            (run, window, recipients, bodyBytes) = (book.run, scenario.window, scenario.recipients, scenario.bodyBytes)
            // The outbox bounds the stream: what is in it has no answer yet.
            let (accepted, source) = AsyncStream.makeStream(of: PendingSend.self)
            self.source = source
            answers = Task { [counted] in
                for await pending in accepted {
                    do throws(SendError) {
                        let sequence = try await pending.receipt().sequence
                        counted.tally.withLock { $0.take(sequence) }
                    } catch {
                        counted.tally.withLock { $0.failures["\(error.code)", default: 0] += 1 }
                    }
                }
            }
            try await client.connect()
        }

        var stored: Int { counted.tally.withLock { $0.stored } }

        func send(until end: ContinuousClock.Instant) async throws {
            let body = [UInt8](repeating: UInt8(ascii: "x"), count: bodyBytes)
            var number = 0
            while ContinuousClock.now < end {
                // A backend has many messages at hand when it is busy; what it hands over together shares the way to the client's thread.
                let messages = (0..<min(32, window)).map { step in
                    OutgoingMessage(body: body, kind: .card, to: .user("\(run)-\((number + step) % recipients)"))
                }
                number += messages.count
                for pending in try await client.enqueue(contentsOf: messages) { source.yield(pending) }
            }
        }

        /// Waits for what has no answer, and ends the session.
        func close() async throws -> Tally {
            source.finish()
            await answers.value
            try await client.close(.logout)
            return counted.tally.withLock { $0 }
        }
    }

    /// What was answered.
    private struct Tally {
        var stored = 0
        var failures: [String: Int] = [:]
        /// Receipts that don't follow the one before: something was lost, doubled or overtaken.
        var holes = 0
        private var last: UInt64 = 0

        mutating func take(_ sequence: UInt64) {
            stored += 1
            if sequence != last + 1 { holes += 1 }
            last = sequence
        }
    }
}

/// `holdfast-load service`
struct ServiceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "service",
        abstract: "Durable messages a second from a service account, beside the probe.",
        discussion: """
            Sends through the client library, as a backend in Swift does: its state is in RAM, and --window messages of a session may wait for an answer, of \
            which the protocol lets 127 be on their way: one session gets as many a commit and way there and back, several get more. The probe runs on the \
            same disk before; ratioToProbe is what the account gets of it.

            Example: holdfast-load service --start --sessions 2
            """)

    @OptionGroup var load: LoadOptions
    @Option(help: "Sessions of the account, each an instance of its own.") var sessions = 1
    @Option(help: "Users that are sent to in turn; none of them is there.") var recipients = 10_000
    @Option(help: "Messages of a session that may wait for an answer.") var window = 1_000
    @Option(help: "Size of a message.") var bytes = 100
    @Option(help: "Seconds that are measured, after two to warm up.") var duration = 10.0

    func run() async throws {
        let disk = FreeDisk.need(messages: FreeDisk.messages(.max, seconds: duration + 2), bodyBytes: bytes, users: recipients)
        try await load.run(connections: sessions, diskBytes: disk) { target in
            try await ServiceScenario(
                target: target, sessions: sessions, recipients: recipients, window: window, bodyBytes: bytes, seconds: duration
            ).run()
        }
    }
}
