import Foundation
import HoldfastSimulator
import Synchronization

/// Runs seeds on several threads; each run has one.
final class SimulationThreads: Sendable {
    private struct State {
        var next: UInt64
        var totals = Campaign.Totals()
    }

    private let campaign: Campaign
    private let seeds: Range<UInt64>
    private let threads: Int
    private let state: Mutex<State>

    init(campaign: Campaign, seeds: Range<UInt64>, threads: Int) {
        self.campaign = campaign
        self.seeds = seeds
        self.threads = threads
        state = Mutex(State(next: seeds.lowerBound))
    }

    /// Blocks until all are run, or too many have failed.
    func run() -> Campaign.Totals {
        let progress = ProgressLine()
        DispatchQueue.concurrentPerform(iterations: threads) { thread in
            while let seed = takeSeed() {
                var totals = Campaign.Totals()
                campaign.run(seed: seed, into: &totals)
                let sum = state.withLock { state in
                    state.totals.add(totals)
                    return state.totals
                }
                if thread == 0 {
                    progress.show(
                        "\(sum.seeds) of \(seeds.count) seeds, \(Int(sum.phoneHours)) phone-hours, \(sum.failures.count) failed")
                }
            }
        }
        progress.end()
        return state.withLock { $0.totals }
    }

    private func takeSeed() -> UInt64? {
        state.withLock { state in
            guard state.next < seeds.upperBound, state.totals.failures.count < Self.failuresMax else { return nil }
            state.next += 1
            return state.next - 1
        }
    }

    private static let failuresMax = 100
}
