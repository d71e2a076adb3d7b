/// The scenarios of a comparison, by the names that `--only` takes.
enum ComparisonScenario: String, CaseIterable, Sendable {
    case idle, connect, durable, offline, storm, kill

    /// Runs it once on a fresh server that is started; its reports, one or several, go to the bench's `keep`.
    func run(_ bench: ComparisonBench) async throws {
        switch self {
        case .idle: try await bench.idle()
        case .connect: try await bench.connect()
        case .durable: try await bench.durable()
        case .offline: try await bench.offline()
        case .storm: try await bench.storm()
        case .kill: try await bench.kill()
        }
    }

    /// Bytes that a server may write in it, with what it keeps beside each message and session. Those of `durable` depend on how fast it
    /// is; this is for a fast one.
    func diskBytes(_ scale: PeerScale, seconds: Double) -> Int {
        let perSession = 4_000
        let perMessage = 1_000
        let messagesPerSecond = 100_000.0
        // Logs that are made at their full size, and the server's own files.
        let base = 1 << 30
        switch self {
        case .idle: return base + 2 * scale.idle.upperBound * perSession
        case .connect: return base + 2 * scale.connects * perSession
        case .durable: return base + Int(2 * (seconds + 1) * messagesPerSecond) * perMessage + scale.receivers * perSession
        case .offline: return base + scale.absent * perSession + scale.offlineMessages * perMessage
        case .storm: return base + scale.storm * (perSession + 20 * perMessage)
        case .kill: return base + Int(min(3, seconds) * messagesPerSecond) * perMessage + scale.killReceivers * perSession
        }
    }

    /// What a table of it can't show.
    var caveats: [String] {
        switch self {
        case .idle:
            ["private memory of all processes of the server; what the kernel holds for the sockets is the same for all and not in it"]
        case .connect:
            ["from the first SYN to the phone being ready, at most 64 at a time; first: the session is made, and its inbox subscribed"]
        case .durable: ["acknowledged means what each server's protocol means by it, see below: not all of them have it on disk"]
        case .offline: ["sessions and their inboxes are made before; messages stay where the server keeps them, on disk or in memory"]
        case .storm: ["at most 64 connects at a time, then all at once; a session and its messages are as durable as the server makes them"]
        case .kill: ["kill -9 of the server, not of the machine: what the server has handed to the system's cache survives it"]
        }
    }
}

/// A server, its clients' machines, and how much to ask: what a scenario works with.
struct ComparisonBench {
    let server: any PeerServer
    let scale: PeerScale
    /// Of each measured part.
    let seconds: Double
    let progress: ProgressLine
    /// Only these ways to connect.
    let transports: [PeerTransport]
    /// Takes a report as soon as it is there.
    let keep: (Report) throws -> Void

    static let bodyBytes = 100
    static let window = 64
    static let senders = 64

    /// A fleet against the server.
    /// - Parameter mayEnd: whether the server may end meanwhile; otherwise the run fails when it does.
    func driver(
        _ transport: PeerTransport = .plain, connections: Int, mayEnd: Bool = false, _ what: String
    ) throws -> PeerDriver {
        try PeerDriver(
            server.target(transport), connections: connections, life: mayEnd ? nil : server.life,
            title: "\(server.description.name), \(what)", progress: progress)
    }

    /// An empty report of this server.
    func report(_ scenario: String, clients: Int) -> Report {
        Report(scenario: scenario, context: .now(server: server.description), clients: clients)
    }

    /// Streams of messages: each sender has a share of the receivers, in turn.
    func makeTraffic(
        _ driver: PeerDriver, _ clients: any PeerClients, receivers: Range<Int>, senders: Range<Int>, sentMax: Int = .max
    ) async throws {
        try await driver.perform { fleet in
            let traffic = PeerTraffic(window: Self.window, bodyBytes: Self.bodyBytes)
            traffic.sentMax = sentMax
            for receiver in receivers {
                let sender = senders.lowerBound + (receiver - receivers.lowerBound) % senders.count
                traffic.add(sender: sender, receiver: receiver, name: clients.name(receiver))
            }
            fleet.traffic = traffic
        }
    }

    /// CPU time and wall time from now on.
    func watch() -> PeerStopwatch { PeerStopwatch(server.meter) }
}

/// Wall time and CPU time of server and generator, from a start on.
struct PeerStopwatch: Sendable {
    private let meter: PeerMeter
    private let start = PeerFleet.nanoseconds
    private let startServer: Double
    private let startOwn = ProcessMeter.own.cpuSeconds ?? 0

    init(_ meter: PeerMeter) {
        self.meter = meter
        startServer = meter.cpuSeconds
    }

    /// What has passed since the start.
    func read() -> Stopwatch.Reading {
        let seconds = Double(PeerFleet.nanoseconds - start) / 1e9
        let cpu = Report.CPU(server: meter.cpuSeconds - startServer, generator: (ProcessMeter.own.cpuSeconds ?? 0) - startOwn)
        return Stopwatch.Reading(seconds: seconds, cpu: cpu)
    }
}

extension Report {
    /// Takes over what traffic has seen.
    mutating func add(_ totals: PeerTraffic.Totals) {
        sent += totals.sent
        acknowledged += totals.acknowledged
        delivered += totals.delivered
        lost += totals.lost
        duplicated += totals.duplicated
        reordered += totals.reordered
        corrupted += totals.corrupted
        refused += totals.rejected
    }

    /// Takes over what happened to the connections.
    mutating func add(_ counters: PeerFleet.Counters) {
        figures["failedConnects"] = Double(counters.connectFailures)
        figures["lostConnections"] = Double(counters.disconnects)
        for (name, count) in counters.troubles { faults[name, default: 0] += count }
    }
}
