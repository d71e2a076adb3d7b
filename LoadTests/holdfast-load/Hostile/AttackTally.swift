/// What an attacker did and what the gateway answered.
struct AttackTally: Sendable {
    /// Units of the attack: connections, frames, tickets; the case says which.
    var units = 0
    /// What the gateway said, by name: a close code, a refusal, `welcome`.
    var answers: [String: Int] = [:]

    /// One more answer of this kind.
    mutating func count(_ answer: String, _ number: Int = 1) { answers[answer, default: 0] += number }

    /// What came since `earlier`.
    func since(_ earlier: AttackTally) -> AttackTally {
        var difference = AttackTally(units: units - earlier.units)
        for (name, count) in answers where count > earlier.answers[name, default: 0] {
            difference.answers[name] = count - earlier.answers[name, default: 0]
        }
        return difference
    }

    /// Adds another tally.
    mutating func add(_ other: AttackTally) {
        units += other.units
        for (name, number) in other.answers { count(name, number) }
    }
}
