import ArgumentParser

/// `holdfast-load mixed`
struct MixedCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mixed",
        abstract: "A mix of your own, from a scenario file: groups of clients that do different things at the same time.",
        discussion: """
            The file is YAML: `duration` in seconds, and `groups`. Rates are those of a whole group, and everything is due at fixed times.

              key                 of                  what
              name                all                 letters and digits, for its latencies
              behaviour           all                 what they do, see below
              clients             all                 phones; offline, churn: users
              messagesPerSecond   chat, offline, flap messages a second
              bytes               chat, offline, flap size of a message (100)
              beatsPerSecond      heartbeat           beats besides those asked for
              reconnectsPerSecond flap                connections lost and resumed
              usersPerSecond      churn               new users, each with one message
              leave               flap, churn         close (FIN), reset, keep; or logout

            Behaviours: idle, heartbeat, chat, flap, offline, churn. Only churn can logout. Clients of chat and flap are pairs that send \
            each other messages. heartbeat, offline and churn can be there once each.

            Examples:
              holdfast-load mixed --start --scenario LoadTests/scenarios/evening.yaml
              holdfast-load mixed --data ./holdfast-data --scenario my.yaml --scale 5 \\
                --duration 600 --json
              holdfast-load mixed --start --scenario LoadTests/scenarios/evening.yaml \\
                --clients 5000 --rate 2000
            """)

    @OptionGroup var load: LoadOptions
    @Option(help: ArgumentHelp("The scenario file.", valueName: "file")) var scenario: String
    @Option(help: "Multiplies all numbers of clients and all rates.") var scale = 1.0
    @Option(help: "Clients of all groups together, about: their numbers keep their proportions. Default: the file's.") var clients: Int?
    @Option(help: "Messages a second of all groups together: all rates keep their proportions. Default: the file's.") var rate: Double?
    @Option(help: "Seconds, instead of the file's.") var duration: Double?
    @Option(help: "How many users who were away fetch their messages at the end.") var verify = 1_000

    func validate() throws {
        if scale <= 0 || scale > 1_000 { throw ValidationError("--scale must be above 0, at most 1000") }
        if scale != 1 && (clients != nil || rate != nil) { throw ValidationError("--scale goes without --clients and --rate") }
        if let clients, clients < 1 || clients > 10_000_000 { throw ValidationError("--clients must be 1 to 10000000") }
        if let rate, rate <= 0 || rate > 10_000_000 { throw ValidationError("--rate must be above 0, at most 10000000") }
        if let duration, duration < 1 { throw ValidationError("--duration must be at least 1") }
        if verify < 1 { throw ValidationError("--verify must be at least 1") }
    }

    func run() async throws {
        var plan = try MixPlan(file: scenario)
        if rate != nil && plan.messagesPerSecond == 0 {
            throw LoadError(usage: "--rate: no group of \(scenario) sends messages; use --scale")
        }
        plan = plan.scaled(
            clients: clients.map { Double($0) / Double(plan.clients) } ?? scale, rates: rate.map { $0 / plan.messagesPerSecond } ?? scale)
        if let duration { plan.seconds = duration }
        try await load.run(connections: plan.connections, diskBytes: plan.diskBytes) { target in
            try await MixScenario(target: target, plan: plan, verifyCount: verify).run()
        }
    }
}

/// `holdfast-load soak`
struct SoakCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "soak",
        abstract: "An ordinary evening for hours: does the gateway's memory grow, does anything get lost?",
        discussion: """
            A half of the phones sleeps, others talk, travel through dead spots, get messages while away; guests come and go. A sample every \
            10 seconds; the trend of the gateway's memory is that of the run's second half.

            Example:
              holdfast-load soak --start --clients 10000 --rate 5000 --duration 86400 --json
            """)

    @OptionGroup var load: LoadOptions
    @Option(help: "Phones, about.") var clients = 2_000
    @Option(help: "Messages a second, about.") var rate = 1_000.0
    @Option(help: "Seconds.") var duration = 3_600.0

    func validate() throws {
        if clients < 20 || rate <= 0 || duration < 1 {
            throw ValidationError("--clients must be at least 20, --rate above 0, --duration at least 1")
        }
    }

    func run() async throws {
        let plan = MixPlan.evening(clients: clients, rate: rate, seconds: duration)
        try await load.run(connections: plan.connections, diskBytes: plan.diskBytes) { target in
            var report = try await MixScenario(target: target, plan: plan, name: "soak", sampleSeconds: min(10, duration / 6)).run()
            report.clients = clients
            return report
        }
    }
}
