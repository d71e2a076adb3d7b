import HoldfastClient

/// Users who aren't there while messages are queued for them, and of whom some, or all, fetch theirs at the end. On the loop's thread.
final class AwayUsers {
    let users: Range<Int>
    private var isFetched: [Bool]

    init(users: Range<Int>) {
        self.users = users
        isFetched = Array(repeating: false, count: users.count)
    }

    /// Whether nobody has fetched this user's messages.
    func contains(_ user: Int) -> Bool { users.contains(user) && !isFetched[user - users.lowerBound] }

    /// These users' messages must come from now on.
    func fetch(_ range: Range<Int>) {
        for user in range { isFetched[user - users.lowerBound] = true }
    }

    /// Neighbouring users who are asked together; at most so many at once.
    static let blockCount = 2_000

    /// Which of `count` users fetch theirs, as a sample of `sample` of them in blocks spread evenly; all if the sample has as many.
    static func blocks(count: Int, sample: Int) -> [Range<Int>] {
        guard sample < count else {
            return stride(from: 0, to: count, by: blockCount).map { $0..<min(count, $0 + blockCount) }
        }
        let size = min(blockCount, max(1, sample / 20))
        let blocks = max(1, sample / size)
        return (0..<blocks).map { index in
            let start = blocks == 1 ? 0 : (count - size) * index / (blocks - 1)
            return start..<start + size
        }
    }
}

extension LoadRun {
    /// Users who were away log in, block by block, and get what waits for them. Their messages are those of a flow with a stream for each.
    /// - Parameters:
    ///   - away: the first of them, whose number a block's begin with 0 is.
    ///   - blocks: which of them.
    func fetch(_ blocks: [Range<Int>], of firstUser: Int, flow: Int) async throws {
        guard let size = blocks.map(\.count).max() else { return }
        let slots = try await driver.perform { fleet in
            let first = fleet.phones.count
            fleet.add(size, Self.phoneSettings)
            return first..<first + size
        }
        let total = blocks.reduce(0) { $0 + $1.count }
        var done = 0
        let watch = Stopwatch(target)
        for block in blocks {
            let users = firstUser + block.lowerBound..<firstUser + block.upperBound
            let batch = try await driver.inspect { $0.tokens }.makeBatch(users)
            let phones = slots.lowerBound..<slots.lowerBound + block.count
            let (goal, connected) = try await driver.perform { fleet in
                guard let workload = fleet.workload else { return (0, 0) }
                fleet.tokens.add(batch, forgettingBelow: users.lowerBound)
                fleet.away?.fetch(users)
                for (phone, user) in zip(phones, users) {
                    fleet.phones[phone].machine = ClientMachine(settings: Self.phoneSettings)
                    fleet.phones[phone].user = UInt32(user)
                }
                let waiting = workload.storedCount(flow: flow, places: block)
                let goal = (workload.flows[flow].delivered + waiting, fleet.counters.connected + block.count)
                fleet.connect(phones, inFlightMax: 64)
                return goal
            }
            let text = "\(done) of \(total) users have fetched theirs; messages"
            try await driver.reach(connected, "users connected to fetch theirs") { $0.counters.connected }
            // What doesn't come counts as lost.
            try? await driver.reach(goal, text, stallSeconds: 15) { $0.workload?.flows[flow].delivered ?? 0 }
            try await driver.perform { fleet in fleet.drop(phones, .close) }
            done += block.count
        }
        figure("usersVerified", Double(total))
        report.rates["usersVerified"] = Double(total) / watch.read().seconds
    }
}
