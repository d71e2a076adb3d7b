import ArgumentParser

/// `holdfast-load storm`
struct StormCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "storm",
        abstract: "Phones vanish at once and come back, with messages waiting for each.",
        discussion: """
            Phones log in, vanish, --backlog messages are queued for each, and all resume: --in-flight at a time, all at once with 0, or with \
            --rate R --factor 10 at ten times R a second, each at its time. With --silent nothing tells the gateway that they are gone: the \
            old connections stay open and unread, which takes two descriptors a phone on both sides.

            With --durable-rate, \(Bystanders.count) other phones send each other messages at that rate in all, for --duration seconds before, \
            during, and --duration seconds after.

            Examples:
              holdfast-load storm --start --clients 10000 --in-flight 64
              holdfast-load storm --start --clients 9000 --silent --durable-rate 2000
              holdfast-load storm --start --clients 5000 --tls --tls-resume --rate 200 --factor 10
            """)

    @OptionGroup var load: LoadOptions
    @OptionGroup var tls: TLSResumeOptions
    @Option(help: "Phones.") var clients = 15_000
    @Option(help: "Messages queued for each phone.") var backlog = 10
    @Option(help: "Phones that queue them.") var senders = 64
    @Option(help: "Size of a message.") var bytes = 100
    @Flag(help: "The phones vanish without a packet, instead of with a FIN.") var silent = false
    @Option(help: "Connects at a time in the storm; 0: all at once.") var inFlight: Int?
    @Option(help: "Arrivals a second of an ordinary day; the storm has --factor times as many.") var rate: Double?
    @Option(help: "How many times as many; with --rate.") var factor: Double?
    @Option(help: "Messages a second of other phones; 0: none.") var durableRate = 0.0
    @Option(help: "Seconds before and after the storm in which these are measured.") var duration = 5.0
    @Option(
        help: ArgumentHelp(
            "Resumes a second with 64 in flight, from another run: the longest wait is compared with 2 * clients / n.", valueName: "n"))
    var resumeRate: Double?
    @Option(help: "Seconds without any message after which what hasn't come counts as lost.") var silence = 60.0

    func validate() throws {
        if factor != nil && rate == nil { throw ValidationError("--factor needs --rate, the arrivals a second of an ordinary day") }
        if rate != nil && inFlight != nil { throw ValidationError("--rate says when phones arrive: leave --in-flight out") }
        if let rate, rate <= 0 { throw ValidationError("--rate must be above 0") }
        if let factor, factor <= 0 { throw ValidationError("--factor must be above 0") }
        if durableRate < 0 { throw ValidationError("--durable-rate must be at least 0") }
        if let resumeRate, resumeRate <= 0 { throw ValidationError("--resume-rate must be above 0") }
    }

    func run() async throws {
        // Each phone that has gone silently has two.
        let connections = (silent ? 2 * clients : clients) + senders + (durableRate > 0 ? Bystanders.count : 0)
        try await load.run(connections: connections, keepsSessions: tls.tlsResume) { target in
            try await StormScenario(
                target: target, clients: clients, backlog: backlog, senders: senders, bodyBytes: bytes,
                departure: silent ? .silence : .close, inFlightMax: inFlight ?? 0, arrivalsPerSecond: rate.map { $0 * (factor ?? 10) },
                durableRate: durableRate, seconds: duration, resumesPerSecond: resumeRate, silenceSeconds: silence
            ).run()
        }
    }
}
