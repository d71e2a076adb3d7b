/// Something that a scenario waits for: a count that reaches a goal.
struct FleetWait {
    let what: String
    let goal: Int
    let count: @Sendable (Fleet) -> Int
    /// How long the count may stay the same.
    let stallMilliseconds: UInt64
    let continuation: CheckedContinuation<Void, any Error>
    var lastCount = -1
    var lastChange: UInt64 = 0
}

extension Fleet {
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
                guard now - waits[index].lastChange >= waits[index].stallMilliseconds else { continue }
                let wait = waits.remove(at: index)
                let stalled = LoadError(
                    "\(wait.what): only \(count) of \(wait.goal), and no more in \(wait.stallMilliseconds / 1000) seconds\(troubles)")
                wait.continuation.resume(throwing: stalled)
            }
        }
    }

    /// What may explain a stall, as text.
    private var troubles: String {
        var parts = counters.closes.sorted { $0.key < $1.key }.map { "closed by the gateway with code \($0.key): \($0.value)" }
        if counters.connectFailures > 0 { parts.append("failed connects: \(counters.connectFailures)") }
        if counters.disconnects > 0 { parts.append("lost connections: \(counters.disconnects)") }
        parts += counters.faults.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
        return parts.isEmpty ? "" : " (" + parts.joined(separator: ", ") + ")"
    }
}
