import Foundation
import HoldfastSimulator
import Testing

/// Whole lives of a gateway and its phones, from seeds. A failing seed: `holdfast-load simulate --seed N`.
@Suite struct SimulationTests {
    /// Each of them fails with the bug that it is pinned to: Tests/Planted/run.sh.
    @Test(arguments: PinnedSeed.all.map(\.seed)) func `what a seed found stays mended`(seed: UInt64) {
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

    /// Digests of the events of five seeds, as `holdfast-load simulate --digests` prints them: the same in every process and on every machine. A
    /// change of what the core or the client does makes others.
    static let digests: [(seed: UInt64, digest: UInt64)] = [
        (1, 0x9fb4_acdd_6255_0f38), (2, 0x6e54_071b_050a_57d2), (3, 0x49d2_426c_c3d5_7765), (4, 0xce89_e8ca_8e99_cd65),
        (5, 0x2acc_443f_1ad6_7c09),
    ]

    @Test(arguments: digests) func `a seed has the same events in every process and on every machine`(seed: UInt64, digest: UInt64) {
        let campaign = Campaign.standard
        let result = Simulation(Plan(seed: seed, steps: campaign.steps, clients: campaign.clients), isTracing: true).run()
        #expect(String(result.digest, radix: 16) == String(digest, radix: 16), "seed \(seed)")
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
        #expect(bytes.range(of: Data("10PlantedBugO".utf8)) == nil)
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
