import ArgumentParser
import Foundation
import HoldfastClient
import HoldfastIO

/// How soon after kill -9 under load a phone has its messages, with much on the disk, from a warm and from a cold cache; and whether every
/// message survives.
struct RestartScenario {
    var workshop: Workshop
    /// Users who have messages waiting for them when the gateway first starts.
    var users = 1_000_000
    /// Messages that wait for them, in all.
    var messages = 10_000_000
    /// Those of the users who get more, and come for them.
    var clients = 1_000
    var senders = 64
    /// Starts from each kind of cache.
    var runs = 3
    var bodyBytes = 100

    /// Messages to each client that are sent before each kill, and as many again while the gateway is away or later.
    private static let messagesBeforeKill = 200

    /// Runs it, on a gateway of its own.
    func run() async throws -> Report {
        guard clients > 0, senders > 0, senders <= DirectoryFill.senderCount, users >= clients, messages >= users, runs > 0 else {
            throw LoadError(
                usage:
                    "--messages must be at least --users, those at least --clients, --senders at most \(DirectoryFill.senderCount), and all at least 1"
            )
        }
        let data = workshop.directory + "/restart"
        let plan = DirectoryFill.Plan(directory: data, users: users, messagesPerUser: messages / users, bodyBytes: bodyBytes)
        try DirectoryFill.run(plan)
        let gateway = try GatewayProcess(workshop, name: "restart", data: data)
        defer { gateway.remove() }
        let clients = clients
        let driver = try await FleetDriver(target: try gateway.target(), capacity: clients + senders) { phone in
            phone < clients ? "\(plan.name)-\(phone)" : plan.senderName(phone - clients)
        }
        defer { driver.stop() }
        var report = Report(scenario: "restart", clients: clients)
        report.figures["queued"] = Double(plan.users * plan.messagesPerUser)
        let start = Fleet.nanoseconds
        try await prepare(driver, filled: plan.messagesPerUser)

        var times: [String: [Double]] = [:]
        for run in 0..<2 * runs {
            let isCold = run % 2 == 1
            let name = isCold ? "Cold" : "Warm"
            for (figure, seconds) in try await cycle(driver, gateway, isCold: isCold) { times[figure + name, default: []].append(seconds) }
        }
        for (name, values) in times {
            report.figures[name + "Median"] = Median.of(values)
            report.figures[name + "Max"] = values.max()
        }
        report.seconds = Double(Fleet.nanoseconds - start) / 1e9
        report.cpuSeconds.generator = ProcessMeter.own.cpuSeconds ?? 0
        let (totals, counters) = try await driver.perform { fleet in (fleet.workload?.verified ?? .init(), fleet.counters) }
        report.add(totals)
        report.add(counters)
        return report
    }

    /// The clients come for what waits for them, with a login; afterwards they have tickets.
    private func prepare(_ driver: FleetDriver, filled: Int) async throws {
        let phone = ClientSettings(device: DirectoryFill.device, acknowledgesOnReceipt: true, resolvesPeers: false)
        // A device of their own: that of the filling has sent messages which these don't know of.
        let sender = ClientSettings(device: "restart", isSendOnly: true, acknowledgesOnReceipt: true, resolvesPeers: false)
        let (clients, senders, bodyBytes) = (clients, senders, bodyBytes)
        try await driver.perform { fleet in
            fleet.add(clients, phone)
            fleet.add(senders, sender)
            let workload = Workload(window: 64, bodyBytes: bodyBytes, run: DirectoryFill.run)
            workload.isRecording = false
            fleet.workload = workload
            for index in 0..<clients { fleet.addStream(from: clients + index % senders, to: index, filled: filled) }
            fleet.send(upTo: UInt64(filled))
        }
        try await driver.connect(0..<clients + senders, inFlightMax: 64)
        try await driver.reach(clients * filled, "messages of the first \(clients) users") { $0.workload?.totals.delivered ?? 0 }
        // A ticket follows its WELCOME closely.
        try await driver.wait(seconds: 1) { _ in "tickets" }
    }

    /// The clients are away, messages for them are sent, the gateway is killed and started again, the clients come back.
    /// - Returns: seconds since the start, by name.
    private func cycle(_ driver: FleetDriver, _ gateway: GatewayProcess, isCold: Bool) async throws -> [String: Double] {
        let clients = clients
        let before = try await driver.perform { fleet in
            fleet.drop(0..<clients)
            let stored = fleet.workload?.totals.stored ?? 0
            fleet.send(upTo: (fleet.workload?.quota ?? 0) + UInt64(2 * Self.messagesBeforeKill))
            return stored
        }
        try await driver.reach(before + clients * Self.messagesBeforeKill, "stored before the kill") { $0.workload?.totals.stored ?? 0 }
        gateway.kill()
        if isCold { try FileCache.forget(gateway.data) }
        let start = Fleet.nanoseconds
        func seconds() -> Double { Double(Fleet.nanoseconds - start) / 1e9 }
        var times: [String: Double] = [:]
        try gateway.restart()
        times["secondsToReady"] = seconds()
        let (delivered, wanted) = try await driver.perform { fleet in
            fleet.connect(0..<1, inFlightMax: 0)
            let ledger = fleet.workload?.ledger(0)
            return (fleet.workload?.totals.delivered ?? 0, Int(ledger?.stored ?? 0))
        }
        try await driver.reach(delivered + 1, "first message") { $0.workload?.totals.delivered ?? 0 }
        times["secondsToFirstMessage"] = seconds()
        try await driver.reach(wanted, "messages of the first phone") { Int($0.workload?.ledger(0).delivered ?? 0) }
        times["secondsToFirstPhone"] = seconds()
        try await driver.connect(1..<clients, inFlightMax: 64)
        // So many kills in a minute are no accident for a sender: each makes it wait longer. An app that wants to be connected cuts that short.
        let phones = clients + senders
        try await driver.perform { fleet in
            for sender in clients..<phones where !fleet.phones[sender].flags.contains(.connected) {
                fleet.connect(sender..<sender + 1, inFlightMax: 0)
            }
        }
        let goal = try await driver.perform { fleet in Int(fleet.workload?.quota ?? 0) * clients }
        try await driver.reach(goal, "stored after the start", stallSeconds: 90) { $0.workload?.totals.stored ?? 0 }
        // What doesn't come is counted as lost.
        try? await driver.reach(goal, "delivered") { $0.workload?.totals.delivered ?? 0 }
        times["secondsToLastPhone"] = seconds()
        return times
    }
}

/// `holdfast-load restart`
struct RestartCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restart",
        abstract: "Time from a start after kill -9 under load to the first phone's messages, with a full disk of them.",
        discussion: """
            Fills a data directory of its own (see `fill`), starts a gateway on it, kills that while messages are sent to the --clients first users, \
            starts it again, and checks that every acknowledged message arrives; --runs times with a warm and with a cold cache of its files, \
            in turn. The folder is removed.

            Example: holdfast-load restart --users 1000000 --messages 10000000
            """)

    @OptionGroup var programs: ProgramOptions
    @OptionGroup var output: OutputOptions
    @Option(help: "Users who have messages waiting for them. Default: 1000000, at most --messages, at least --clients.") var users: Int?
    @Option(help: "Messages that wait, in all. Default: 10000000, at least ten for each of --users.") var messages: Int?
    @Option(help: "Users who get more, and come for them. Default: 1000, at most --users.") var clients: Int?
    @Option(help: "Phones that send.") var senders = 64
    @Option(help: "Starts from each kind of cache.") var runs = 3

    func run() async throws {
        let workshop = try programs.workshop()
        let watcher = try ChildProcess.stopOnInterrupt(removing: workshop.directory)
        defer { watcher.stop() }
        let users = users ?? max(clients ?? 1, min(1_000_000, messages ?? .max))
        let scenario = RestartScenario(
            workshop: workshop, users: users, messages: messages ?? max(10_000_000, 10 * min(users, 1 << 40)),
            clients: clients ?? min(1_000, users), senders: senders, runs: runs)
        try await scenario.run().finish(json: output.json)
    }
}
