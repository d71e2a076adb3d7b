import HoldfastClient

/// Messages at a steady rate between pairs of phones, spread evenly over time: in each pair both send.
///
/// A phone that can't send for a while makes up for it afterwards, as far as its window lets it.
final class SteadyTraffic: Sendable {
    private let driver: FleetDriver
    private let pacer: Task<Void, Never>
    private static let stepMilliseconds = 10

    /// Begins. The fleet's workload must have a stream from each phone to its partner, in the order of the phones.
    /// - Parameter perSecond: messages of one phone.
    init(_ driver: FleetDriver, phones: Int, perSecond: Double) {
        self.driver = driver
        pacer = Task { await Self.pace(driver, phones: phones, perSecond: perSecond) }
    }

    /// The other phone of a pair. There has to be an even number of phones.
    static func partner(of phone: Int) -> Int { phone ^ 1 }

    /// Ends, and waits until everything that was sent is answered and, as far as it was stored, delivered.
    func stop() async throws {
        pacer.cancel()
        await pacer.value
        try await driver.perform { fleet in fleet.workload?.quota = 0 }
        let sent = try await driver.perform { fleet in fleet.workload?.totals.sent ?? 0 }
        try await driver.reach(sent, "answered", stallSeconds: 60) { fleet in
            fleet.workload.map { $0.totals.stored + $0.totals.refused + $0.totals.unknown } ?? 0
        }
        let stored = try await driver.perform { fleet in fleet.workload?.totals.stored ?? 0 }
        // What doesn't come is counted as lost, not waited for.
        try? await driver.reach(stored, "delivered", stallSeconds: 20) { $0.workload?.totals.delivered ?? 0 }
        // Doubles come late.
        try await driver.wait(seconds: 0.5) { _ in "draining" }
    }

    /// Ends without waiting for anything: there is nobody who would answer.
    func abandon() async {
        pacer.cancel()
        await pacer.value
    }

    private static func pace(_ driver: FleetDriver, phones: Int, perSecond: Double) async {
        let start = Fleet.nanoseconds
        var turns = 0
        while !Task.isCancelled {
            let due = Int(Double(Fleet.nanoseconds - start) / 1e9 * perSecond * Double(phones))
            if due > turns {
                let range = turns..<due
                turns = due
                guard (try? await driver.perform({ fleet in fleet.takeTurns(range, phones) })) != nil else { return }
            }
            try? await Task.sleep(for: .milliseconds(stepMilliseconds))
        }
    }
}

extension Fleet {
    /// Gives phones their turns to send: turn t is phone t modulo `phones`, and each has one message more in each round.
    fileprivate func takeTurns(_ turns: Range<Int>, _ phones: Int) {
        guard let workload else { return }
        for turn in turns {
            workload.quota = UInt64(turn / phones + 1)
            let index = turn % phones
            if self.phones[index].flags.contains(.connected) { refill(index, workload) }
        }
    }
}
