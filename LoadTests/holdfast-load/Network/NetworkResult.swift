/// What a case on a bad network has shown.
struct NetworkResult: Encodable, Sendable {
    let name: String
    /// Why it was not run.
    var skipped: String?
    var phones = 0
    var seconds = 0.0
    /// From the end of the fault until everything that was sent before it was there.
    var recoveredSeconds: Double?
    /// Until the gateway had no connection any more whose phone is gone.
    var halfOpenGoneSeconds: Double?
    var sent = 0
    var acknowledged = 0
    var delivered = 0
    var lost = 0
    var duplicated = 0
    var reordered = 0
    /// Damaged, of somebody else, or never sent.
    var corrupted = 0
    var unknown = 0
    var refused = 0
    var reconnects = 0
    var closedByGateway: [String: Int] = [:]
    var faults: [String: Int] = [:]
    /// From the sender's machine to the receiver's, the fault included.
    var deliveryMicroseconds: LatencySummary?
    var relay: [String: Int] = [:]
    var violations: [String] = []

    /// What must not be, each in a sentence.
    func judged(recovered: Bool, halfOpenGone: Bool, hadEffect: Bool) -> [String] {
        var found: [String] = []
        if lost > 0 { found.append("\(lost) acknowledged messages never came") }
        if duplicated > 0 { found.append("\(duplicated) messages came twice") }
        if reordered > 0 { found.append("\(reordered) messages came out of order") }
        if corrupted > 0 { found.append("\(corrupted) messages were damaged, foreign or never sent") }
        if unknown > 0 { found.append("the fate of \(unknown) messages is unknown") }
        if refused > 0 { found.append("\(refused) messages were refused") }
        if delivered == 0 { found.append("no message came") }
        if !recovered { found.append("not recovered in time") }
        if !halfOpenGone { found.append("the gateway keeps connections whose phones are gone") }
        if !hadEffect { found.append("the fault had no effect: no connection was lost") }
        for (name, count) in faults.sorted(by: { $0.key < $1.key }) { found.append("\(name): \(count)") }
        return found
    }

    /// A few lines for people.
    var text: String {
        if let skipped { return "\(name): skipped: \(skipped)" }
        let recovered = recoveredSeconds.map { "\(Report.number($0)) s" } ?? "never"
        var lines = [
            "\(name): recovered in \(recovered); \(sent) sent, \(acknowledged) acknowledged, \(delivered) delivered; "
                + "lost \(lost), doubled \(duplicated), out of order \(reordered), damaged or foreign \(corrupted)"
        ]
        var parts = ["\(reconnects) reconnects"]
        if let delivery = deliveryMicroseconds {
            parts.append(
                "delivery p50 \(Report.duration(delivery.p50)), p99 \(Report.duration(delivery.p99)), max \(Report.duration(delivery.max))")
        }
        if let halfOpenGoneSeconds { parts.append("half-open ones gone in \(Report.number(halfOpenGoneSeconds)) s") }
        parts += closedByGateway.sorted { $0.key < $1.key }.map { "closed with \($0.key): \($0.value)" }
        parts += relay.sorted { $0.key < $1.key }.map { "relay \($0.key) \($0.value)" }
        lines.append("  " + parts.joined(separator: "; "))
        lines += violations.map { "  VIOLATION  \($0)" }
        return lines.joined(separator: "\n")
    }
}
