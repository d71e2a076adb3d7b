internal import ArgumentParser
internal import Foundation
internal import HoldfastClient
internal import HoldfastClientTransport
internal import HoldfastIO
internal import Synchronization

/// Durable messages from one session of a service account through the client library, to users who are away, beside what the disk gives at best.
struct ServiceScenario: Sendable {
    var target: Target
    var recipients = 10_000
    /// Messages that may wait for an answer.
    var window = 1_000
    var bodyBytes = 100
    var seconds = 10.0

    private static let warmUpSeconds = 2.0

    /// Runs it.
    func run() async throws -> Report {
        guard recipients > 0, window > 0, 28...60_000 ~= bodyBytes, seconds > 0 else {
            throw LoadError(usage: "--recipients and --window must be at least 1, --bytes 28 to 60000, --duration above 0")
        }
        let probe = try ProbeScenario(directory: (target.data as NSString).deletingLastPathComponent, seconds: min(seconds, 5)).run()
        let book = try await TokenBook(count: 1, origin: target.tokens)
        let tls = target.tls.map { ClientEndpoint.TLSOptions(serverName: $0.serverName, trustFile: target.trust) }
        let endpoint = ClientEndpoint(host: target.address.host, port: target.address.port, tls: tls)
        let client = try HoldfastClient(
            configuration: .service(book.name(0), instance: "load", endpoint: endpoint, unansweredMax: window), transport: LoopTransport()
        ) { String(decoding: book[0], as: UTF8.self) }
        try await client.connect()
        var report = Report(scenario: "service" + target.suffix, clients: 1)
        let tally = Mutex(Tally())
        let (accepted, source) = AsyncStream.makeStream(of: PendingSend.self)
        // The outbox bounds the stream: what is in it has no answer yet.
        let answers = Task {
            for await pending in accepted {
                do throws(SendError) {
                    let sequence = try await pending.receipt().sequence
                    tally.withLock { $0.take(sequence) }
                } catch {
                    tally.withLock { $0.failures["\(error.code)", default: 0] += 1 }
                }
            }
        }
        try await send(for: Self.warmUpSeconds, client, book.run, source)
        let (watch, before) = (Stopwatch(target), tally.withLock { $0.stored })
        try await send(for: seconds, client, book.run, source)
        let (reading, after) = (watch.read(), tally.withLock { $0.stored })
        source.finish()
        await answers.value
        try await client.close(.logout)
        report.add(reading)
        let found = tally.withLock { $0 }
        report.sent = found.stored + found.failures.values.reduce(0, +)
        report.acknowledged = found.stored
        for (code, count) in found.failures { report.faults["refused: \(code)"] = count }
        if found.holes > 0 { report.faults["receipts out of order"] = found.holes }
        let rate = Double(after - before) / reading.seconds
        report.rates["acknowledged"] = rate
        report.rates["probeRecords"] = probe.rates["records"]
        report.figures["ratioToProbe"] = probe.rates["records"].map { rate / $0 }
        report.figures["window"] = Double(window)
        report.figures["bodyBytes"] = Double(bodyBytes)
        return report
    }

    private func send(
        for seconds: Double, _ client: HoldfastClient, _ run: String, _ source: AsyncStream<PendingSend>.Continuation
    ) async throws {
        let end = ContinuousClock.now + .seconds(seconds)
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
        abstract: "Durable messages a second from one session of a service account, beside the probe.",
        discussion: """
            Sends through the client library, as a backend in Swift does: its state is in RAM, and --window messages may wait for an answer, of which the \
            gateway lets 127 be on their way. The probe runs on the same disk before; ratioToProbe is what the session gets of it.

            Example: holdfast-load service --start --window 1000
            """)

    @OptionGroup var load: LoadOptions
    @Option(help: "Users that are sent to in turn; none of them is there.") var recipients = 10_000
    @Option(help: "Messages that may wait for an answer.") var window = 1_000
    @Option(help: "Size of a message.") var bytes = 100
    @Option(help: "Seconds that are measured, after two to warm up.") var duration = 10.0

    func run() async throws {
        let disk = FreeDisk.need(messages: FreeDisk.messages(.max, seconds: duration + 2), bodyBytes: bytes, users: recipients)
        try await load.run(connections: 1, diskBytes: disk) { target in
            try await ServiceScenario(target: target, recipients: recipients, window: window, bodyBytes: bytes, seconds: duration).run()
        }
    }
}
