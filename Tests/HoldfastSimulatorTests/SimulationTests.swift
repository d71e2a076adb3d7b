import HoldfastSimulator
import Testing

@Suite struct SimulationTests {
    @Test(arguments: 1...40) func `nothing is lost, doubled or out of order`(seed: UInt64) {
        let result = Simulation(Plan(seed: seed, steps: 200, clients: 6), isTracing: true).run()
        #expect(result.problems.isEmpty, "\(result.trace.suffix(60).joined(separator: "\n"))")
    }
}
