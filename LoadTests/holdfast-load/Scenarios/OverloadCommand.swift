import ArgumentParser
import Foundation
import HoldfastIO

/// `holdfast-load overload`
struct OverloadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "overload",
        abstract: "Offers a gateway up to ten times what it can take, with and without storm control.",
        discussion: """
            Starts gateways of its own. Arrivals: measures how many resumes a second the gateway does with 64 in flight, then lets phones come, \
            each at its time, at 0.5 to 10 times that rate, each with messages waiting, and reports the rate at which they are served and how \
            long they wait from when they were due, all pauses included. Because the generator needs the machine too, the gateway then has only \
            --share of a core. Disconnect: all phones vanish and come back at once while others send messages as fast as they can, with the \
            whole machine. A run in which a phone isn't served, or a message is lost, doubled, out of order or damaged, fails.

            As root it makes a network namespace whose listen queue (net.core.somaxconn) is as long as --somaxconn, and a control group for \
            the share; otherwise it says that it couldn't. One report a point; with --json one object a line.

            Examples:
              sudo holdfast-load overload
              sudo holdfast-load overload --part disconnect --clients 18000 \\
                --somaxconn 4096
              holdfast-load overload --part arrivals --share 0 --factors 1,2 \\
                --control on --json
            """)

    @OptionGroup var programs: ProgramOptions
    @OptionGroup var output: OutputOptions
    @Option(help: "Phones.") var clients = 15_000
    @Option(help: "Seconds for which phones arrive, if there are enough of them; and of the traffic before and after a disconnect.")
    var duration = 3.0
    @Option(
        help: ArgumentHelp(
            "Offered loads, in multiples of what the gateway can do. (default: 0.5,1,2,5,10)", valueName: "list"))
    var factors: String?
    @Option(help: "Messages queued for each phone that arrives. (default: 10)") var backlog: Int?
    @Option(help: "What the gateway has of a core while phones arrive; 0: the machine. (default: 0.2)") var share: Double?
    @Option(help: ArgumentHelp("Storm control: on, off or both.", valueName: "which")) var control = "both"
    @Option(help: ArgumentHelp("arrivals, disconnect, or both.", valueName: "which")) var part = "both"
    @Option(help: "How often all of it is done, in turn: single runs of a busy machine differ by a half.") var runs = 1
    @Option(help: "Seconds without any phone being served after which the others count as not served.") var silence = 120.0
    @Option(help: "The listen queue of the network namespace.") var somaxconn = 65_535
    @Flag(help: "Connect with TLS, a full handshake each time.") var tls = false

    private static let modes = ["both": [true, false], "on": [true], "off": [false]]

    func validate() throws {
        guard Self.modes[control] != nil else { throw ValidationError("--control must be on, off or both, not '\(control)'") }
        guard ["both", "arrivals", "disconnect"].contains(part) else {
            throw ValidationError("--part must be arrivals, disconnect or both, not '\(part)'")
        }
        if part == "disconnect" && (factors != nil || backlog != nil || share != nil) {
            throw ValidationError("--factors, --backlog and --share are those of arrivals: leave them out with --part disconnect")
        }
        guard clients > 0 && 0...1000 ~= backlog ?? 0 && 0.5...600 ~= duration && 0...64 ~= share ?? 0 && 16...1 << 20 ~= somaxconn else {
            throw ValidationError(
                "--clients at least 1, --backlog 0 to 1000, --duration 0.5 to 600, --share 0 to 64, --somaxconn 16 to 1048576")
        }
        guard 1...100 ~= runs else { throw ValidationError("--runs must be 1 to 100") }
        guard 1...3600 ~= silence else { throw ValidationError("--silence must be 1 to 3600") }
        _ = try multiples()
    }

    private func multiples() throws -> [Double] {
        try (factors ?? "0.5,1,2,5,10").split(separator: ",").map { word in
            guard let factor = Double(word), 0.01...100 ~= factor else {
                throw ValidationError("--factors: '\(word)' is not 0.01 to 100")
            }
            return factor
        }
    }

    /// What one gateway may write: each point has its messages, and the pairs send as long as a storm may last.
    private func diskBytes(_ points: Int) -> Int {
        let queued = part == "disconnect" ? 0 : Double(clients) * Double(backlog ?? 10) * Double(points)
        let sent = part == "arrivals" ? 0 : FreeDisk.messages(.max, seconds: 2 * duration + Self.stormSeconds)
        return FreeDisk.need(messages: max(queued, sent), bodyBytes: OverloadScenario.bodyBytes, users: clients)
    }

    // More than what 15,000 phones take.
    private static let stormSeconds = 10.0

    func run() async throws {
        let (multiples, modes) = (try multiples(), Self.modes[control] ?? [])
        let workshop = try programs.workshop()
        // The capacity is a point too.
        try FreeDisk.check(workshop.directory, bytes: diskBytes(multiples.count + 1))
        let watcher = try ChildProcess.stopOnInterrupt(removing: workshop.directory, cleanUp: { NetworkNamespace.removeAll() })
        defer { watcher.stop() }
        let namespace = makeNamespace()
        let scenario = OverloadScenario(
            workshop: workshop, namespace: namespace, clients: clients, seconds: duration, backlog: backlog ?? 10, share: share ?? 0.2,
            isTLS: tls, silenceSeconds: silence)
        var reports: [Report] = []
        for _ in 0..<runs {
            for mode in modes where part != "disconnect" {
                try await scenario.arrivals(control: mode, factors: multiples) { try show($0, &reports) }
            }
            for mode in modes where part != "arrivals" { try show(try await scenario.disconnect(control: mode), &reports) }
        }
        guard reports.allSatisfy(\.isClean) else {
            throw LoadError("not all runs are clean: see lost, duplicated, reordered, corrupted, FAULT")
        }
    }

    private func show(_ report: Report, _ reports: inout [Report]) throws {
        reports.append(report)
        try Output.write(output.json ? Output.json(report) : report.text)
    }

    /// A network of this run's own; nil where that can't be.
    private func makeNamespace() -> NetworkNamespace? {
        NetworkNamespace.removeLeftovers()
        do {
            let namespace = try NetworkNamespace(role: "overload")
            try namespace.run(["sh", "-c", "echo \(somaxconn) > /proc/sys/net/core/somaxconn"])
            return namespace
        } catch {
            let text = "no network namespace of its own (it needs root and iproute2), so net.core.somaxconn stays as it is: \(error)\n"
            FileHandle.standardError.write(Data(text.utf8))
            return nil
        }
    }
}
