import HoldfastClient

/// Phones that send each other durable messages at a steady rate while something else happens: what it costs those who have nothing to do
/// with it. They are a flow of their own.
struct Bystanders: Sendable {
    let phones: Range<Int>
    let flow: Int
    let rate: Double
    /// How many there are in a run.
    static let count = 64

    /// Adds them, and connects them. Their number is even: they are pairs.
    /// - Parameter rate: messages a second of all of them.
    static func join(_ run: LoadRun, count: Int, rate: Double) async throws -> Bystanders {
        let bystanders = try await run.driver.perform { fleet in
            let first = fleet.phones.count
            fleet.add(count, LoadRun.phoneSettings)
            let workload = fleet.workload ?? Workload(window: 64, bodyBytes: 100)
            fleet.workload = workload
            let flow = workload.addFlow(bodyBytes: 100)
            for index in first..<first + count { fleet.addStream(from: index, to: first + (index - first ^ 1), flow: flow) }
            return Bystanders(phones: first..<first + count, flow: flow, rate: rate)
        }
        try await run.driver.connect(bystanders.phones, inFlightMax: 64)
        return bystanders
    }

    /// Their messages begin.
    func start(_ run: LoadRun) async throws {
        try await run.driver.perform { [flow] fleet in fleet.workload?.flows[flow].course = Course(startAt: Fleet.nanoseconds) }
        try await run.start(flow, .perSecond(rate), share: 1)
    }

    /// A moment between two parts of a run.
    struct Moment: Sendable {
        var time: UInt64
        var stored: Int
    }

    /// Now; latencies of the part that ends here are added under its name.
    func moment(_ run: LoadRun, endOf part: String? = nil) async throws -> Moment {
        if let part {
            try await run.add("bystanders" + part, flow: flow)
        } else {
            _ = try await run.driver.perform { [flow] in $0.workload?.takeTimes(flow: flow) }
        }
        return try await run.driver.perform { [flow] fleet in
            Moment(time: Fleet.nanoseconds, stored: fleet.workload?.flows[flow].stored ?? 0)
        }
    }

    /// Durable messages a second between two moments, and the fewest in a quarter of a second.
    func rates(_ run: LoadRun, _ from: Moment, _ to: Moment) async throws -> (mean: Double, lowest: Double?) {
        let lowest = try await run.driver.perform { [flow] fleet in
            fleet.workload?.flows[flow].course?.lowestPerSecond(from: from.time, to: to.time)
        }
        return (Double(to.stored - from.stored) / max(1e-9, Double(to.time - from.time) / 1e9), lowest)
    }

    /// CPU seconds that the server spends on some messages, if it has taken `seconds` for `before` of them when nothing else happened; nil if
    /// there were none. It is an estimate: with more to do the server works in larger batches.
    static func serverSeconds(of messages: Int, if before: Int, took seconds: Double) -> Double? {
        before > 0 ? seconds / Double(before) * Double(messages) : nil
    }
}
