import HoldfastClient
import HoldfastIO

extension TokenFile {
    /// Users of a file come again in the next run, as phones that know of nothing: each takes what waits for it, and ends the session that the run
    /// before has left.
    func forgetEarlierRuns(on target: Target) async throws {
        let count = ownUsers.count
        for start in stride(from: 0, to: count, by: Self.blockCount) {
            let users = start..<min(count, start + Self.blockCount)
            // A session is for good of the kind that it began as.
            for settings in [LoadRun.phoneSettings, LoadRun.senderSettings] { try await comeAndGo(users, settings, target) }
        }
    }

    private func comeAndGo(_ users: Range<Int>, _ settings: ClientSettings, _ target: Target) async throws {
        let driver = try await FleetDriver(target: target, capacity: ownUsers.count, connections: users.count)
        defer { driver.stop() }
        let count = ownUsers.count
        try await driver.perform { fleet in
            fleet.leftovers = 0
            fleet.add(count, settings)
        }
        try await driver.connect(users, inFlightMax: 64)
        var taken = -1
        while case let now = try await driver.perform({ $0.leftovers ?? 0 }), now != taken, !settings.isSendOnly {
            taken = now
            // Phones acknowledge two seconds after a message at the latest.
            try await driver.wait(seconds: now > 0 ? 3 : 0.5) { "taking what earlier runs left: \($0.leftovers ?? 0)" }
        }
        try await driver.perform { $0.drop(users, .logout) }
        try await driver.reach(users.count, "logged out") { fleet in users.count - fleet.loop.connectionCount }
    }

    private static let blockCount = 10_000
}
