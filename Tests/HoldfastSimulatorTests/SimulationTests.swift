import Foundation
import HoldfastSimulator
import Testing

/// Whole lives of a gateway and its phones, from seeds. A failing seed: `holdfast-load simulate --seed N`.
@Suite struct SimulationTests {
    /// Seeds that found something once, and what; they are run for good.
    static let found: [(seed: UInt64, what: String)] = [
        (7, "a restored gateway gave the number of a conversation to another pair, and messages went to the wrong user"),
        (68, "a message was sent after the app had been told that it was withdrawn, and the power had gone"),
        (71, "a repair left the bytes of what it took out in the counters, and the inbox seemed full for ever"),
        (124, "the same with a refusal"),
        (182, "a phone presented an attach that its disk didn't have, lost its power, and was rewound"),
        (517, "connections that a restart had left dead were not found"),
        (933, "a phone that was put back to before its first session sent its outbox again"),
        (1076, "a repair's notice was not counted as acknowledged"),
        (1371, "a phone that was put back to a session that had ended sent its outbox again in another"),
        (3061, "two phones with one device id took each other's messages for their own"),
        (3133, "the same after a crash, when the gateway didn't know the attaches that it had given out"),
        (3618, "the same, with the attach that began a session"),
        (10475, "a client without state got an attach below the stored one, and was rewound at its next resume"),
    ]

    @Test(arguments: found.map(\.seed)) func `what a seed found stays mended`(seed: UInt64) {
        check(Plan(seed: seed, steps: Campaign.standard.steps, clients: Campaign.standard.clients))
    }

    @Test(arguments: 1...30 as ClosedRange<UInt64>) func `nothing is lost, doubled or out of order`(seed: UInt64) {
        check(Plan(seed: seed, steps: 150, clients: 6))
    }

    /// Seeds that nobody has run before.
    @Test(arguments: (0..<5).map { _ in UInt64.random(in: 1 << 20...1 << 40) })
    func `nothing is lost, doubled or out of order, with fresh seeds`(seed: UInt64) {
        check(Plan(seed: seed, steps: 150, clients: 6))
    }

    @Test func `a seed is the same run to the last event`() {
        let plan = Plan(seed: 42, steps: 200, clients: 8)
        let runs = (0..<2).map { _ in Simulation(plan, isTracing: true).run() }
        #expect(runs[0].trace == runs[1].trace)
        #expect(runs[0].occurrences == runs[1].occurrences)
        #expect(!runs[0].trace.isEmpty)
    }

    @Test func `operations can be taken out of a plan, and the others stay what they were`() {
        let plan = Plan(seed: 42, steps: 200, clients: 8)
        let some = plan.only([3, 50, 199])
        #expect(some.operations == [plan.operations[3], plan.operations[50], plan.operations[199]])
        #expect(Plan(seed: 42, steps: 200, clients: 8).operations == plan.operations)
    }

    /// The bugs that the proofs plant are in no build but their own (Tests/Planted/run.sh).
    @Test func `no planted bug is in this build`() throws {
        let program = Bundle.main.executableURL?.deletingLastPathComponent().appendingPathComponent("holdfast-load")
        let bytes = try Data(contentsOf: try #require(program), options: .alwaysMapped)
        #expect(bytes.range(of: Data("acknowledgeBeforeSync".utf8)) == nil)
        #expect(
            bytes.range(of: Data("halfOpenToGateway".utf8)) != nil, "names of cases are not in the program, so that the check can't fail")
    }

    private func check(_ plan: Plan, _ location: SourceLocation = #_sourceLocation) {
        let result = Simulation(plan).run()
        guard let problem = result.problems.first else { return }
        Issue.record(
            "\(problem)\nrepeat it: holdfast-load simulate --seed \(plan.seed) --steps \(plan.steps) --clients \(plan.clients)",
            sourceLocation: location)
    }
}
