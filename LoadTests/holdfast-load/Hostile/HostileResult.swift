/// What one kind of attacker cost, and what it did to the honest clients.
struct HostileResult: Encodable, Sendable {
    let name: String
    let unit: String
    var clients = 0
    var runs = 0
    /// Units of the attack in all runs.
    var units = 0
    /// Of an attack; the median of the runs.
    var unitsPerSecond = 0.0
    /// CPU time of the gateway for a unit of the attack, beyond what it needs for the honest clients.
    var gatewayMicrosecondsPerUnit = 0.0
    /// CPU seconds of the gateway in a second: without and with the attacker.
    var gatewayCPU = Pair()
    /// Private memory of the gateway beyond that without the attacker, at its highest, in all and for a unit that is held.
    var gatewayBytes = 0.0
    var gatewayBytesPerUnit = 0.0
    /// Descriptors of the gateway beyond those without the attacker, at their highest.
    var gatewayDescriptors = 0
    /// Memory of the system for TCP, beyond that without the attacker: of both sides.
    var systemTCPBytes = 0.0
    /// Latency of the honest clients' messages, from the sender's machine to the receiver's, in microseconds; medians of the runs.
    var deliveryP50 = Pair()
    var deliveryP99 = Pair()
    /// Until `SENT`.
    var sentP50 = Pair()
    var sentP99 = Pair()
    /// What the gateway answered the attacker, by name.
    var answers: [String: Int] = [:]
    /// Honest clients.
    var honestMessages = 0
    var honestConnectionsLost = 0
    var honestMessagesLost = 0
    /// Doubled, out of order, damaged or of unknown fate.
    var honestMessagesWrong = 0
    var violations: [String] = []
    /// `othersCPU…`: CPU seconds in a second of programs that don't belong to the run: where they differ, so may latencies.
    /// `fencesPerMinute`: where one session is fought for.
    var figures: [String: Double] = [:]

    /// Without and with the attacker.
    struct Pair: Encodable, Sendable {
        var without = 0.0
        var with = 0.0
        var ratio: Double { without > 0 ? with / without : 0 }

        enum CodingKeys: CodingKey { case without, with, ratio }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(without, forKey: .without)
            try container.encode(with, forKey: .with)
            try container.encode(ratio, forKey: .ratio)
        }
    }

    /// One line for people.
    var text: String {
        func ratio(_ pair: Pair) -> String { "\(Report.duration(pair.with)) (x\(Report.number(pair.ratio)))" }
        let answered = answers.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        var lines = [
            "\(name): \(units) \(unit)s, \(Report.number(unitsPerSecond))/s",
            "  cost     \(Report.number(gatewayMicrosecondsPerUnit)) us and \(Report.number(gatewayBytesPerUnit)) B a \(unit); "
                + "CPU \(Report.number(gatewayCPU.without)) -> \(Report.number(gatewayCPU.with)); "
                + "TCP \(Report.number(systemTCPBytes / 1048576)) MiB; descriptors \(gatewayDescriptors)",
            "  honest   delivery p50 \(ratio(deliveryP50)), p99 \(ratio(deliveryP99)); SENT p50 \(ratio(sentP50)), p99 \(ratio(sentP99)); "
                + "\(honestMessages) messages, lost \(honestMessagesLost), wrong \(honestMessagesWrong), connections lost \(honestConnectionsLost)",
            "  answers  \(answered.isEmpty ? "none" : answered)",
        ]
        for (name, figure) in figures.sorted(by: { $0.key < $1.key }) { lines.append("  \(name)  \(Report.number(figure))") }
        lines += violations.map { "  VIOLATION  \($0)" }
        return lines.joined(separator: "\n")
    }
}
