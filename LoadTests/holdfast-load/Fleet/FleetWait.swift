/// Something that a scenario waits for: a count that reaches a goal.
struct FleetWait<Fleet> {
    let what: String
    let goal: Int
    let count: @Sendable (Fleet) -> Int
    /// How long the count may stay the same.
    let stallMilliseconds: UInt64
    /// When it is given up, whatever the count does.
    var deadline = UInt64.max
    let continuation: CheckedContinuation<Void, any Error>
    var lastCount = -1
    var lastChange: UInt64
}

/// Phones on a loop that somebody waits for.
protocol WaitedFor: AnyObject {
    var waits: [FleetWait<Self>] { get set }
    /// Why the run can't go on.
    var failure: LoadError? { get }
    /// What may explain a stall: texts with their counts.
    var troubles: [String] { get }
}

extension WaitedFor {
    /// Ends the waits that are over: reached, stalled, or pointless.
    func checkWaits(_ now: UInt64, isTick: Bool) {
        guard !waits.isEmpty else { return }
        for index in waits.indices.reversed() {
            let count = waits[index].count(self)
            if let failure {
                waits.remove(at: index).continuation.resume(throwing: failure)
            } else if count >= waits[index].goal {
                waits.remove(at: index).continuation.resume()
            } else if isTick {
                if count != waits[index].lastCount { (waits[index].lastCount, waits[index].lastChange) = (count, now) }
                let isStalled = now - waits[index].lastChange >= waits[index].stallMilliseconds
                guard isStalled || now >= waits[index].deadline else { continue }
                let wait = waits.remove(at: index)
                let reason = isStalled ? "no more in \(wait.stallMilliseconds / 1000) seconds" : "the time is up"
                let why = troubles.isEmpty ? "" : " (\(troubles.joined(separator: ", ")))"
                wait.continuation.resume(throwing: LoadError("\(wait.what): only \(count) of \(wait.goal), and \(reason)\(why)"))
            }
        }
    }
}

extension Fleet: WaitedFor {
    var troubles: [String] {
        var parts = counters.closes.sorted { $0.key < $1.key }.map { "closed by the gateway with code \($0.key): \($0.value)" }
        if counters.connectFailures > 0 { parts.append("failed connects: \(counters.connectFailures)") }
        if counters.disconnects > 0 { parts.append("lost connections: \(counters.disconnects)") }
        return parts + counters.faults.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
    }
}

extension PeerFleet: WaitedFor {
    var troubles: [String] {
        var parts: [String] = []
        if counters.connectFailures > 0 { parts.append("failed connects: \(counters.connectFailures)") }
        if counters.disconnects > 0 { parts.append("lost connections: \(counters.disconnects)") }
        return parts + counters.troubles.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
    }
}
