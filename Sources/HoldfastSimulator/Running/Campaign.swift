/// Many seeds, one after the other.
package struct Campaign: Sendable {
    package var steps: Int
    package var clients: Int
    package var hashKey: UInt64

    package init(steps: Int, clients: Int, hashKey: UInt64 = 0) {
        self.steps = steps
        self.clients = clients
        self.hashKey = hashKey
    }

    /// What the proofs run.
    package static let standard = Campaign(steps: 240, clients: 8)
    /// Lives of months: sessions expire and are forgotten, eras pass, and states from long before come back.
    package static let long = Campaign(steps: 5_000, clients: 20)

    /// A seed whose run broke something.
    package struct Failure: Sendable {
        package var seed: UInt64
        package var problem: String
    }

    /// The sum over the seeds that were run.
    package struct Totals: Sendable {
        package var seeds = 0
        package var phoneHours = 0.0
        package var acknowledged = 0
        package var delivered = 0
        package var repeats = 0
        package var occurrences = Occurrences()
        package var failures: [Failure] = []
        package init() {}

        package mutating func add(_ other: Totals) {
            seeds += other.seeds
            phoneHours += other.phoneHours
            acknowledged += other.acknowledged
            delivered += other.delivered
            repeats += other.repeats
            occurrences.add(other.occurrences)
            failures += other.failures
        }

        /// Connections that were lost, whoever heard of it.
        package var connectionLosses: Int {
            ["connectionCut", "halfOpenToGateway", "halfOpenToPhone", "natTimeout", "addressChange"].reduce(0) {
                $0 + (occurrences.counts["fault \($1)"] ?? 0)
            }
        }

        /// Ends of processes and machines without warning.
        package var crashes: Int {
            ["appKilled", "phoneRebooted", "gatewayCrashed", "gatewayPowerCut"].reduce(0) { $0 + (occurrences.counts["fault \($1)"] ?? 0) }
        }

        /// What should have occurred and never did.
        package var neverOccurred: [String] { occurrences.counts.filter { $0.value == 0 }.map(\.key).sorted() }
    }

    /// Runs one seed.
    package func run(seed: UInt64, into totals: inout Totals) {
        let result = Simulation(Plan(seed: seed, steps: steps, clients: clients), hashKey: hashKey).run()
        totals.seeds += 1
        totals.phoneHours += result.phoneHours
        totals.acknowledged += result.acknowledged
        totals.delivered += result.delivered
        totals.repeats += result.repeats
        totals.occurrences.add(result.occurrences)
        if let problem = result.problems.first { totals.failures.append(Failure(seed: seed, problem: problem)) }
    }
}
