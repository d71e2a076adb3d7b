import HoldfastClient
import HoldfastIO

/// What a connect and a message cost the gateway, as the number of connections and that of sessions on its disk grow: each in CPU time,
/// which other programs on the machine disturb least.
struct ScaleScenario {
    var workshop: Workshop
    /// The floor's sources, nil: where this program finds them.
    var floorSources: String?
    var bodyBytes = 100

    private static let senders = 64
    /// Small against the number of receivers: messages rarely share a delivery, however many there are.
    private static let window = 4

    /// Phones that go and resume at each number of connections, and how often: enough for a clock of CPU time that ticks 100 times a second.
    private static let (reconnecting, rounds) = (1_000, 10)

    /// The figures of a step, in microseconds of the server's CPU time.
    enum Cost {
        /// The login of a user on the disk, or the resume of one in memory; with the end of the connection before.
        static let connect = "serverMicrosecondsPerConnect"
        static let message = "serverMicrosecondsPerMessage"
        /// A resume by ticket that gets `messagesEach` messages.
        static let resume = "serverMicrosecondsPerResume"
        /// What a bare server takes for a message of the same size at the same rate, over as many connections.
        static let floorMessage = "floorMicrosecondsPerMessage"
    }

    /// Sessions on the disk: the same number of phones, spread evenly over all users, log in, go, are sent messages, and resume.
    /// - Parameters:
    ///   - users: sessions on the disk.
    ///   - clients: users who come.
    ///   - messagesEach: messages that each of them gets while away.
    func onDisk(users: Int, clients: Int, messagesEach: Int) async throws -> Report {
        let data = workshop.directory + "/scale-\(users)"
        let plan = DirectoryFill.Plan(directory: data, users: users, messagesPerUser: 0)
        try DirectoryFill.run(plan)
        let gateway = try GatewayProcess(workshop, name: "scale", data: data)
        defer { gateway.remove() }
        let target = try gateway.target()
        let driver = try await FleetDriver(target: target, capacity: clients + Self.senders) { phone in
            phone < clients ? "\(plan.name)-\(phone * users / clients)" : "sender-\(phone - clients)"
        }
        defer { driver.stop() }
        var report = Report(scenario: "scale-disk", clients: clients)
        report.figures["sessionsOnDisk"] = Double(users)
        try await prepare(driver, receivers: clients)
        try await driver.connect(clients..<clients + Self.senders, inFlightMax: 64)
        let server = ProcessMeter(pid: gateway.child.pid)
        let start = Fleet.nanoseconds
        report.figures[Cost.connect] = try await cpu(server, of: clients) { try await driver.connect(0..<clients, inFlightMax: 64) }
        // A ticket follows its WELCOME closely.
        try await driver.wait(seconds: 1) { _ in "tickets" }
        try await driver.perform { $0.drop(0..<clients) }
        try await server.settle()
        let messages = clients * messagesEach
        report.figures[Cost.message] = try await cpu(server, of: messages) {
            try await driver.perform { $0.send(upTo: UInt64(messagesEach)) }
            try await driver.reach(messages, "stored") { $0.workload?.totals.stored ?? 0 }
        }
        try await server.settle()
        report.figures[Cost.resume] = try await cpu(server, of: clients) {
            try await driver.connect(0..<clients, inFlightMax: 64)
            try await driver.reach(messages, "delivered") { $0.workload?.totals.delivered ?? 0 }
        }
        try await finish(driver, &report, since: start)
        return report
    }

    /// Connections: phones are added up to each number; at each, senders send to all of them for a while. Then the floor does the same.
    func connections(_ steps: [Int], seconds: Double) async throws -> [Report] {
        var results = try await gatewayConnections(steps, seconds: seconds)
        let floor = try Floor(sources: floorSources)
        for index in results.indices {
            guard let rate = results[index].rates["delivered"] else { continue }
            results[index].figures[Cost.floorMessage] = try floor.microsecondsPerMessage(
                clients: results[index].clients, perSecond: Int(rate), bytes: bodyBytes, seconds: Int(max(1, seconds)))
        }
        return results
    }

    private func gatewayConnections(_ steps: [Int], seconds: Double) async throws -> [Report] {
        let gateway = try GatewayProcess(workshop, name: "scale")
        defer { gateway.remove() }
        let most = steps.max() ?? 0
        let driver = try await FleetDriver(target: try gateway.target(), capacity: most + Self.senders)
        defer { driver.stop() }
        try await prepare(driver, receivers: most)
        try await driver.connect(most..<most + Self.senders, inFlightMax: 64)
        let server = ProcessMeter(pid: gateway.child.pid)
        var results: [Report] = []
        var connected = 0
        for step in steps.sorted() {
            var report = Report(scenario: "scale-connections", clients: step)
            report.figures["connections"] = Double(step)
            let start = Fleet.nanoseconds
            try await driver.connect(connected..<step, inFlightMax: 64)
            // A ticket follows its WELCOME closely.
            try await driver.wait(seconds: 1) { _ in "tickets" }
            let sample = 0..<min(step, Self.reconnecting)
            report.figures[Cost.connect] = try await cpu(server, of: Self.rounds * sample.count) {
                for _ in 0..<Self.rounds {
                    try await driver.perform { $0.drop(sample) }
                    try await driver.connect(sample, inFlightMax: 64)
                }
            }
            connected = step
            try await server.settle()
            let before = try await driver.perform { fleet in
                fleet.workload?.openStreams = step
                return fleet.workload?.totals.delivered ?? 0
            }
            let (cpuBefore, sendingSince) = (server.cpuSeconds ?? 0, Fleet.nanoseconds)
            try await driver.perform { $0.send(upTo: Workload.unlimited) }
            try await driver.wait(seconds: seconds) { fleet in "\(step) connections: \(fleet.workload?.totals.delivered ?? 0) delivered" }
            let sent = try await driver.perform { fleet in
                fleet.workload?.quota = 0
                return fleet.workload?.totals.sent ?? 0
            }
            try await driver.reach(sent, "delivered") { $0.workload?.totals.delivered ?? 0 }
            report.rates["delivered"] = Double(sent - before) / (Double(Fleet.nanoseconds - sendingSince) / 1e9)
            report.figures[Cost.message] = ((server.cpuSeconds ?? 0) - cpuBefore) / Double(max(1, sent - before)) * 1e6
            try await finish(driver, &report, since: start)
            results.append(report)
        }
        return results
    }

    private func prepare(_ driver: FleetDriver, receivers: Int) async throws {
        let phone = ClientSettings(device: DirectoryFill.device, acknowledgesOnReceipt: true, resolvesPeers: false)
        let sender = ClientSettings(device: DirectoryFill.device, isSendOnly: true, acknowledgesOnReceipt: true, resolvesPeers: false)
        let bodyBytes = bodyBytes
        try await driver.perform { fleet in
            fleet.add(receivers, phone)
            fleet.add(Self.senders, sender)
            let workload = Workload(window: Self.window, bodyBytes: bodyBytes)
            workload.isRecording = false
            fleet.workload = workload
            for index in 0..<receivers { fleet.addStream(from: receivers + index % Self.senders, to: index) }
        }
    }

    /// The server's CPU time for each of `count` things that `body` makes it do, in microseconds.
    private func cpu(_ server: ProcessMeter, of count: Int, _ body: () async throws -> Void) async throws -> Double {
        let before = server.cpuSeconds ?? 0
        try await body()
        return ((server.cpuSeconds ?? 0) - before) / Double(max(1, count)) * 1e6
    }

    private func finish(_ driver: FleetDriver, _ report: inout Report, since start: UInt64) async throws {
        report.seconds = Double(Fleet.nanoseconds - start) / 1e9
        let (totals, counters) = try await driver.perform { fleet in (fleet.workload?.verified ?? .init(), fleet.counters) }
        report.add(totals)
        report.add(counters)
    }
}
