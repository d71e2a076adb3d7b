import Foundation

/// Phones that come at a rate of their own, whatever becomes of those before them; and how long each had to wait for its `WELCOME`, with all
/// pauses and repeated attempts. On the loop's thread.
final class OpenArrivals {
    private var arrivedAt: [UInt64]
    private let start = Fleet.nanoseconds
    private(set) var summary = Summary()

    /// What was seen.
    struct Summary: Sendable {
        var arrived = 0
        var served = 0
        /// Of those, the ones before the last phone had come.
        var servedMeanwhile = 0
        /// From the first arrival to the last `WELCOME`.
        var seconds = 0.0
        /// From the first arrival to the last.
        var arrivalSeconds = 0.0
        var waits = Latencies()
    }

    private let count: Int

    /// - Parameter phones: how many will come, from the fleet's first on.
    init(phones: Int) {
        arrivedAt = Array(repeating: 0, count: phones)
        count = phones
    }

    /// Those of the fleet come whose time it is.
    func arrive(upTo due: Int, _ fleet: Fleet) {
        let next = min(due, count)
        guard next > summary.arrived else { return }
        let now = Fleet.nanoseconds
        for index in summary.arrived..<next { arrivedAt[index] = now }
        let range = summary.arrived..<next
        summary.arrived = next
        summary.arrivalSeconds = Double(now - start) / 1e9
        fleet.connect(range, inFlightMax: 0)
    }

    /// A phone has its `WELCOME`.
    func served(_ phone: Int) {
        guard phone < count, arrivedAt[phone] != 0 else { return }
        let now = Fleet.nanoseconds
        summary.waits.record(now - arrivedAt[phone])
        arrivedAt[phone] = 0
        summary.served += 1
        if summary.arrived < count { summary.servedMeanwhile += 1 }
        summary.seconds = Double(now - start) / 1e9
    }
}
