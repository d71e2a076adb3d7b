import Foundation
import HoldfastSimulator
import Synchronization

/// Runs seeds on several threads; each run has one.
final class SimulationThreads: Sendable {
    private struct State {
        var next: UInt64
        var totals = Campaign.Totals()
        /// What each thread runs, and since when.
        var running: [Int: (seed: UInt64, since: ContinuousClock.Instant)] = [:]
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
        let watch = watchForEndless()
        defer { watch.cancel() }
        DispatchQueue.concurrentPerform(iterations: threads) { thread in
            while let seed = takeSeed(thread) {
                var totals = Campaign.Totals()
                campaign.run(seed: seed, into: &totals)
                let sum = state.withLock { state in
                    state.totals.add(totals)
                    state.running[thread] = nil
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

    private func takeSeed(_ thread: Int) -> UInt64? {
        state.withLock { state in
            guard state.next < seeds.upperBound, state.totals.failures.count < Self.failuresMax else { return nil }
            state.next += 1
            state.running[thread] = (state.next - 1, .now)
            return state.next - 1
        }
    }

    /// A loop without an end is a fault like any other, but it never comes back to say so: the process ends, with the seed's number.
    private func watchForEndless() -> any DispatchSourceTimer {
        // A queue of its own: the threads of the others are busy.
        let timer = DispatchSource.makeTimerSource(queue: DispatchQueue(label: "seeds without an end"))
        timer.schedule(deadline: .now() + 1, repeating: 1)
        timer.setEventHandler { [self] in
            guard let seed = endless(at: .now) else { return }
            let text =
                "\nSeed \(seed) has run for \(secondsMax) s: something in it has no end. Look where it is with gdb -p, or run it alone: "
                + "holdfast-load simulate --seed \(seed), with the other options of this run.\n"
            FileHandle.standardError.write(Data(text.utf8))
            exit(1)
        }
        timer.resume()
        return timer
    }

    /// A seed that has been running for too long.
    func endless(at now: ContinuousClock.Instant) -> UInt64? {
        state.withLock { $0.running.values.filter { now - $0.since > .seconds(secondsMax) }.map(\.seed).min() }
    }

    /// A life of 5,000 operations takes 5 seconds.
    private var secondsMax: Int { 300 + campaign.steps / 20 }

    private static let failuresMax = 100
}
