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
            during, and --duration seconds after. What as many of their messages cost before the storm is no phone's CPU time in it, and is \
            reported apart.

            With --rounds the same storm comes several times; the gateway's memory, once all is quiet, is read after the first and the last.

            Examples:
              holdfast-load storm --start --clients 10000 --in-flight 64
              holdfast-load storm --start --clients 9000 --silent --durable-rate 2000
              holdfast-load storm --start --clients 5000 --tls --tls-resume --rate 200 \\
                --factor 10
              holdfast-load storm --start --clients 10000 --rounds 10
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
    @Option(help: "How often the same storm comes.") var rounds = 1
    @Option(help: "Messages a second of other phones; 0: none.") var durableRate = 0.0
    @Option(help: "Seconds before and after the storm in which these are measured. (default: 5)") var duration: Double?
    @Option(
        help: ArgumentHelp(
            "Resumes a second with 64 in flight, from another run: the longest wait is compared with 2 * clients / n.", valueName: "n"))
    var resumeRate: Double?
    @Option(help: "Seconds without any message after which what hasn't come counts as lost.") var silence = 60.0

    func validate() throws {
        try tls.check(load)
        if factor != nil && rate == nil { throw ValidationError("--factor needs --rate, the arrivals a second of an ordinary day") }
        if rate != nil && inFlight != nil { throw ValidationError("--rate says when phones arrive: leave --in-flight out") }
        if let rate, rate <= 0 { throw ValidationError("--rate must be above 0") }
        if let factor, factor <= 0 { throw ValidationError("--factor must be above 0") }
        if durableRate < 0 { throw ValidationError("--durable-rate must be at least 0") }
        if durableRate == 0 && duration != nil { throw ValidationError("--duration is that of --durable-rate: give both") }
        if !(1...1_000 ~= rounds) { throw ValidationError("--rounds must be 1 to 1000") }
        if rounds > 1 && durableRate > 0 {
            throw ValidationError("--rounds above 1 compares memory when all is quiet: leave --durable-rate out")
        }
        if let resumeRate, resumeRate <= 0 { throw ValidationError("--resume-rate must be above 0") }
    }

    func run() async throws {
        // Each phone that has gone silently has two.
        let connections = (silent ? 2 * clients : clients) + senders + (durableRate > 0 ? Bystanders.count : 0)
        let seconds = duration ?? 5
        // Bystanders go on in the storm, which may take as long as all the silence that is allowed.
        let messages = Double(clients) * Double(backlog) * Double(rounds) + durableRate * (2 * seconds + silence)
        let disk = FreeDisk.need(messages: messages, bodyBytes: max(bytes, durableRate > 0 ? 100 : 0), users: clients + senders)
        try await load.run(connections: connections, keepsSessions: tls.tlsResume, diskBytes: disk) { target in
            try await StormScenario(
                target: target, clients: clients, backlog: backlog, senders: senders, bodyBytes: bytes,
                departure: silent ? .silence : .close, inFlightMax: inFlight ?? 0, arrivalsPerSecond: rate.map { $0 * (factor ?? 10) },
                rounds: rounds, durableRate: durableRate, seconds: seconds, resumesPerSecond: resumeRate, silenceSeconds: silence
            ).run()
        }
    }
}
