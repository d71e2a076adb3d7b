import ArgumentParser
import Foundation
import Glibc
import HoldfastIO
import HoldfastTestSupport

/// `holdfast-load crash`
struct CrashCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "crash",
        abstract: "kill -9 of gateway, senders and receivers at random moments; does everything arrive once and in order?",
        discussion: """
            Runs `holdfast serve`, `holdfast send --lines --state` and `holdfast receive --state --output` on directories of its own, over \
            TCP and TLS, and a backend that pushes over HTTP: single messages to one or several users, and uploads. A cycle gives every sender \
            more lines and the backend more pushes, kills one program while they are on their way, and starts it again. Then, mostly after some \
            cycles, all lines must have arrived at both members of their conversation, once, in one order, and no program may have ended by \
            itself or complained. The backend repeats each request that had no answer, with its key, and some that had one: a push must have \
            arrived once, at the position that was answered, and a repeat must be answered as the first. The first violation ends the run; its \
            directory is kept.

            Every \(CrashScenario.cyclesPerTestbed) cycles the directories are new; --from-cycle begins with those of its cycle.

            Example: holdfast-load crash --cycles 500 --seed 1 --results crash.jsonl
            """)

    @OptionGroup var programs: ProgramOptions
    @OptionGroup var output: OutputOptions
    @Option(help: "Kills.") var cycles = 20
    @Option(help: "Decides who is killed after how much work. Default: another one each time.") var seed: UInt64?
    @Option(help: "Users; each sends and receives.") var clients = 3
    @Option(help: "The first cycle: where a run that was stopped goes on.") var fromCycle = 0
    @Option(help: ArgumentHelp("A file to which the result is added, as a line.", valueName: "file")) var results: String?

    func run() async throws {
        guard cycles > 0, fromCycle >= 0, clients >= 3 else {
            throw LoadError(usage: "--cycles must be at least 1, --from-cycle at least 0, --clients at least 3")
        }
        let workshop = try programs.workshop()
        let stop = StopRequest()
        let watcher = try ChildProcess.stopOnInterrupt(removing: workshop.directory) { stop.make() }
        defer { watcher.stop() }
        let seed = seed ?? UInt64.random(in: 1...999_999)
        let clients = clients
        let run = CycleRun(
            scenario: "crash", workshop: workshop, seed: seed, cycles: cycles, from: fromCycle,
            cyclesPerTestbed: CrashScenario.cyclesPerTestbed, users: clients, recorder: nil, stop: stop, keepIn: programs.directory
        ) { "holdfast-load crash --seed \(seed) --clients \(clients) --from-cycle \($0) --cycles 1" }
        try await run.run(CrashScenario().cycle).finish(json: output.json, results: results)
    }
}

/// One kill -9 and what follows.
struct CrashScenario: Sendable {
    static let cyclesPerTestbed = 25

    /// Does a cycle; the testbed's last one ends with everything checked, others mostly leave work to the next.
    func cycle(_ testbed: Testbed, _ number: Int, _ random: inout SeededRandom, _ isLast: Bool) throws -> [String: Int] {
        let before = testbed.arrivedLines
        let added = try testbed.addLines { Int.random(in: 20...300, using: &random) }
        if !testbed.gateway.isRunning { _ = try testbed.startGateway() }
        try testbed.startClients()
        let moment = before + Int.random(in: 0..<added, using: &random)
        try testbed.settle { testbed.arrivedLines >= moment }
        let victim = victim(testbed, &random)
        let wasRunning = victim.isRunning
        victim.kill()
        if victim === testbed.gateway {
            // Sometimes the clients notice that nobody is there.
            if random.once(in: 2) { usleep(UInt32.random(in: 0..<300_000, using: &random)) }
            guard try testbed.startGateway() else { throw Violation("the gateway was killed by somebody else") }
        }
        try testbed.startClients()
        if isLast || random.once(in: 3) {
            try testbed.settle()
            try testbed.verify(isComplete: true)
        } else {
            try testbed.verify(isComplete: false)
        }
        return [wasRunning ? String(victim.name.prefix { $0 != "-" }) : "a sender that had just ended": 1]
    }

    private func victim(_ testbed: Testbed, _ random: inout SeededRandom) -> Party {
        let running = testbed.senders.filter(\.isRunning)
        switch Int.random(in: 0..<4, using: &random) {
        case 0 where !running.isEmpty: return running[Int.random(in: 0..<running.count, using: &random)]
        case 0, 1: return testbed.receivers[Int.random(in: 0..<testbed.receivers.count, using: &random)]
        default: return testbed.gateway
        }
    }
}
