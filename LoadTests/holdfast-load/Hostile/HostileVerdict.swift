/// What a hostile run has shown of the gateway, judged: pure, so that each way to fail has a test.
struct HostileVerdict {
    /// Answers that must have come at least once.
    var expects: [String] = []
    var bytesPerUnitMax = Double.infinity
    var answers: [String: Int] = [:]
    var units = 0
    /// Of the gateway, for the attack: in all, and for a unit.
    var bytes = 0.0
    var bytesPerUnit = 0.0
    var descriptorsMax = Int.max
    /// Of the gateway, for the attack.
    var descriptors = 0
    var connectionsLost = 0
    var messagesLost = 0
    var messagesWrong = 0
    var gatewayDied = false
    /// Honest messages in the measured parts.
    var delivered = 1

    /// Memory that the allocator and LMDB take or give back without an attack.
    private static let bytesNoise = Double(16 << 20)

    /// What must not be, each in a sentence.
    var violations: [String] {
        var found: [String] = []
        if gatewayDied { found.append("the gateway ended") }
        if connectionsLost > 0 { found.append("honest clients lost \(connectionsLost) connections") }
        if messagesLost > 0 { found.append("honest clients lost \(messagesLost) messages") }
        if messagesWrong > 0 { found.append("\(messagesWrong) honest messages came twice, out of order, damaged or are of unknown fate") }
        if delivered == 0 { found.append("no honest message came") }
        if units == 0 { found.append("the attack never began") }
        for name in expects where answers[name, default: 0] == 0 { found.append("the gateway never answered '\(name)'") }
        for name in HostileCase.forbiddenAnswers where answers[name, default: 0] > 0 {
            found.append("the gateway answered '\(name)' \(answers[name, default: 0]) times")
        }
        if bytesPerUnit > bytesPerUnitMax && bytes > Self.bytesNoise {
            found.append(
                "a unit holds \(Report.number(bytesPerUnit)) B of the gateway's memory, more than \(Report.number(bytesPerUnitMax))")
        }
        if descriptors > descriptorsMax {
            found.append("the attack holds \(descriptors) of the gateway's descriptors, more than \(descriptorsMax)")
        }
        return found
    }
}
