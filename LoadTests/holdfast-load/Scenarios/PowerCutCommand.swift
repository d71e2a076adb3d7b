import ArgumentParser
import Foundation
import Glibc
import HoldfastIO
import HoldfastTestSupport

/// `holdfast-load powercut`
struct PowerCutCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "powercut",
        abstract: "Power cuts of the gateway's and the clients' machines, on disks that forget what wasn't synced.",
        discussion: """
            Runs the programs of `crash` with a library that records each write, sync and change of a name. A program is killed right after \
            one of them, also in the middle of a commit, and its directory rebuilt: what was synced, plus a random part of the rest, torn at \
            512 bytes; names that weren't synced are there or not. Everything is started again, and all lines and pushes must arrive once and in \
            order, with what the backend was answered before the cut. \
            Cuts take turns: the gateway, the clients, both; sometimes again while it recovers. Every \(PowerCutScenario.cutsPerTestbed) cuts \
            the directories are new, so that making them is cut, too; --from-cut begins with those of its cut.

            --self-test shows that the method finds programs that forget one sync, and LMDB with MDB_NOSYNC, and nothing in correct ones.

            Examples:
              holdfast-load powercut --cuts 200 --seed 1 --results powercut.jsonl
              holdfast-load powercut --self-test
            """)

    @OptionGroup var programs: ProgramOptions
    @OptionGroup var output: OutputOptions
    @Option(help: "Power cuts.") var cuts = 10
    @Option(help: "Decides moments and losses. Default: another one each time.") var seed: UInt64?
    @Option(help: "Users; each sends and receives.") var clients = 3
    @Option(help: "The first cut: where a run that was stopped goes on.") var fromCut = 0
    @Option(help: ArgumentHelp("A file to which the result is added, as a line.", valueName: "file")) var results: String?
    @Option(help: ArgumentHelp("The recorder's sources. Default: LoadTests/powercut above this program.", valueName: "dir"))
    var recorder: String?
    @Flag(help: "Test the method itself.") var selfTest = false

    func run() async throws {
        guard cuts > 0, fromCut >= 0, clients >= 3 else {
            throw LoadError(usage: "--cuts must be at least 1, --from-cut at least 0, --clients at least 3")
        }
        let workshop = try programs.workshop()
        let stop = StopRequest()
        let watcher = try ChildProcess.stopOnInterrupt(removing: workshop.directory) { stop.make() }
        defer { watcher.stop() }
        let seed = seed ?? UInt64.random(in: 1...999_999)
        let built = try Recorder(sources: recorder, into: workshop.directory + "/recorder")
        if selfTest { return try testMethod(built, workshop, seed) }
        let clients = clients
        let run = CycleRun(
            scenario: "powercut", workshop: workshop, seed: seed, cycles: cuts, from: fromCut,
            cyclesPerTestbed: PowerCutScenario.cutsPerTestbed, users: clients, recorder: built, stop: stop, keepIn: programs.directory
        ) { "holdfast-load powercut --seed \(seed) --clients \(clients) --from-cut \($0) --cuts 1" }
        try await run.run(PowerCutScenario().cycle).finish(json: output.json, results: results)
    }

    private func testMethod(_ recorder: Recorder, _ workshop: Workshop, _ seed: UInt64) throws {
        let canaries = Canaries(recorder: recorder, directory: workshop.directory, seed: seed)
        let results = try Canaries.kinds.map { try canaries.test($0.kind, forgets: $0.forgets, cuts: 40) }
        for result in results where !output.json {
            Output.write(
                "\(result.kind): \(result.losses) of \(result.cuts) cuts lost something, \(result.isRight ? "as it must be" : "WRONG")"
                    + (result.loss.map { " (\($0))" } ?? ""))
        }
        if output.json { try Output.write(Output.json(["selfTest": results])) }
        guard results.allSatisfy(\.isRight) else { throw LoadError("the method is wrong, seed \(seed)") }
    }
}

/// One power cut and what follows.
struct PowerCutScenario: Sendable {
    static let cutsPerTestbed = 8

    private enum Target: CaseIterable {
        case gateway, clients, both
    }

    /// Does a cycle: more lines, a cut in the midst, and all of them must arrive.
    func cycle(_ testbed: Testbed, _ number: Int, _ random: inout SeededRandom, _ isLast: Bool) throws -> [String: Int] {
        _ = try testbed.addLines { Int.random(in: 20...500, using: &random) }
        let target = Target.allCases[number % 3]
        let trigger = target == .clients ? client(testbed, &random) : testbed.gateway
        var counts = ["\(target)": 1]
        var died = try runUntilKilled(testbed, trigger, &random)
        // A kill before the cut: what the dead program hadn't synced its successor finds in place, and might take for durable.
        if died && random.once(in: 3) {
            counts["a kill before"] = 1
            died = try runUntilKilled(testbed, trigger, &random)
        }
        if !died { counts["when all was done"] = 1 }
        if target != .clients { counts["recorded at gateways"] = try cut(testbed.gateway, &random) }
        if target != .gateway { counts["recorded at clients"] = try testbed.clients.reduce(0) { try $0 + cut($1, &random) } }
        counts["gateway again"] = try recover(testbed, cutsMax: random.once(in: 3) ? 2 : 0, &random)
        try testbed.verify(isComplete: true)
        return counts
    }

    /// Starts everything again and lets it be done; the power of the gateway may go again meanwhile.
    /// - Returns: how often it did.
    private func recover(_ testbed: Testbed, cutsMax: Int, _ random: inout SeededRandom) throws -> Int {
        var cuts = 0
        while true {
            let mayBeCut = cuts < cutsMax && !testbed.gateway.isRunning
            if mayBeCut { try testbed.gateway.disk?.killAfter(moment(60, &random)) }
            if try testbed.gateway.isRunning || testbed.startGateway() {
                try testbed.startClients()
                try testbed.settle { mayBeCut && testbed.gateway.exitStatus == -SIGKILL }
            }
            guard mayBeCut else { return cuts }
            // If everything was done before its moment came, it is cut now.
            cuts += 1
            _ = try cut(testbed.gateway, &random)
        }
    }

    /// Lets everything run, and a program be killed by one of its next changes. False: all was done before.
    private func runUntilKilled(_ testbed: Testbed, _ trigger: Party, _ random: inout SeededRandom) throws -> Bool {
        try trigger.disk?.killAfter(moment(trigger === testbed.gateway ? 200 : 60, &random))
        if !testbed.gateway.isRunning {
            guard try testbed.startGateway() else { return true }
        }
        try testbed.startClients()
        return try testbed.settle { trigger.exitStatus == -SIGKILL }
    }

    /// Early moments are as likely as late ones: starts are short.
    private func moment(_ max: Int, _ random: inout SeededRandom) -> UInt64 {
        UInt64(Int.random(in: 1...Int.random(in: 1...max, using: &random), using: &random))
    }

    private func client(_ testbed: Testbed, _ random: inout SeededRandom) -> Party {
        testbed.clients[Int.random(in: 0..<testbed.clients.count, using: &random)]
    }

    /// - Returns: how many changes and syncs were recorded since its last cut.
    private func cut(_ party: Party, _ random: inout SeededRandom) throws -> Int {
        let wasArmed = party.exitStatus == -SIGKILL
        party.kill()
        return try party.disk?.cut(isExact: wasArmed, using: &random) ?? 0
    }
}
