import ArgumentParser
import HoldfastClient
import HoldfastIO

/// How soon after kill -9 under load a phone has its messages, with many queued; and whether every message survives.
struct RestartScenario {
    var workshop: Workshop
    /// Messages that are queued when the gateway is killed.
    var messages = 1_000_000
    /// Phones that they are for.
    var clients = 10_000
    var senders = 64
    var bodyBytes = 100

    /// Runs it, on a gateway of its own.
    func run() async throws -> Report {
        guard clients > 0 && senders > 0 && messages >= clients else {
            throw LoadError("--messages must be at least --clients, and both at least 1")
        }
        let gateway = try GatewayProcess(workshop, name: "restart")
        defer { gateway.remove() }
        let target = try gateway.target()
        let driver = try await FleetDriver(target: target, capacity: clients + senders)
        defer { driver.stop() }
        var report = Report(scenario: "restart", clients: clients)
        try await queue(driver)

        gateway.kill()
        let storedAtKill = try await driver.perform { fleet in fleet.workload?.totals.stored ?? 0 }
        report.figures["queuedAtKill"] = Double(storedAtKill)
        let watch = Stopwatch(target)
        try gateway.restart()
        report.figures["secondsToReady"] = watch.read().seconds
        let firstCount = try await driver.perform { fleet in
            fleet.connect(0..<1, inFlightMax: 0)
            return Int(fleet.workload?.ledger(0).stored ?? 0)
        }
        try await driver.reach(1, "first message") { $0.workload?.totals.delivered ?? 0 }
        report.figures["secondsToFirstMessage"] = watch.read().seconds
        try await driver.reach(firstCount, "messages of the first phone") { Int($0.workload?.ledger(0).delivered ?? 0) }
        report.figures["secondsToFirstPhone"] = watch.read().seconds
        report.figures["messagesOfFirstPhone"] = Double(firstCount)

        try await collect(driver)
        report.seconds = watch.read().seconds
        report.cpuSeconds.generator = watch.read().cpu.generator
        report.cpuSeconds.server = ProcessMeter(pid: gateway.child.pid).cpuSeconds
        let (totals, counters) = try await driver.perform { fleet in (fleet.workload?.verified ?? .init(), fleet.counters) }
        report.add(totals)
        report.add(counters)
        return report
    }

    /// More than is queued at the kill: it comes under load.
    private var quota: Int { (messages + messages / 5 + clients - 1) / clients }

    private func queue(_ driver: FleetDriver) async throws {
        let phone = ClientSettings(device: "load", acknowledgesOnReceipt: true, resolvesPeers: false)
        let sender = ClientSettings(device: "load", isSendOnly: true, acknowledgesOnReceipt: true, resolvesPeers: false)
        try await driver.perform { fleet in
            fleet.add(clients, phone)
            fleet.add(senders, sender)
        }
        try await driver.connect(0..<clients + senders, inFlightMax: 64)
        // A ticket follows its WELCOME closely.
        try await driver.wait(seconds: 1) { _ in "tickets" }
        try await driver.perform { fleet in
            fleet.drop(0..<clients)
            let workload = Workload(window: 64, bodyBytes: bodyBytes)
            workload.isRecording = false
            fleet.workload = workload
            for index in 0..<clients { fleet.addStream(from: clients + index % senders, to: index) }
            fleet.send(upTo: UInt64(quota))
        }
        try await driver.reach(messages, "queued") { $0.workload?.totals.stored ?? 0 }
    }

    /// All phones come back, and the senders finish.
    private func collect(_ driver: FleetDriver) async throws {
        try await driver.connect(1..<clients, inFlightMax: 64)
        try await driver.reach(clients * quota, "acknowledged", stallSeconds: 90) { $0.workload?.totals.stored ?? 0 }
        // What doesn't come is counted as lost.
        try? await driver.reach(clients * quota, "delivered") { $0.workload?.totals.delivered ?? 0 }
        try await driver.wait(seconds: 1) { _ in "draining" }
    }
}

/// `holdfast-load restart`
struct RestartCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restart",
        abstract: "Time from a start after kill -9 under load to the first phone's messages.",
        discussion: """
            Starts a gateway of its own in a folder that it removes, queues --messages, kills the gateway while more are sent, starts it \
            again, and checks that every acknowledged message arrives.

            Example: holdfast-load restart --messages 1000000
            """)

    @OptionGroup var programs: ProgramOptions
    @OptionGroup var output: OutputOptions
    @Option(help: "Messages that are queued at the kill.") var messages = 1_000_000
    @Option(help: "Phones that they are for.") var clients = 10_000
    @Option(help: "Phones that send.") var senders = 64

    func run() async throws {
        let workshop = try programs.workshop()
        let watcher = try ChildProcess.stopOnInterrupt(removing: workshop.directory)
        defer { watcher.stop() }
        let scenario = RestartScenario(workshop: workshop, messages: messages, clients: clients, senders: senders)
        try await scenario.run().finish(json: output.json)
    }
}

/// Programs that a run starts itself.
struct ProgramOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The holdfast program. Default: the one beside this program.", valueName: "file"))
    var gateway: String?

    @Option(help: ArgumentHelp("A directory on the disk to measure; a folder is made in it, and removed.", valueName: "dir"))
    var directory = "/tmp"

    /// Both, checked.
    func workshop() throws -> Workshop { try Workshop(gateway: gateway, parent: directory) }
}
