/// What was sent, acknowledged and delivered of one stream of numbered messages, 1, 2, 3...
struct StreamLedger {
    /// Given to the sender's machine.
    private(set) var sent: UInt64 = 0
    /// Said to be durable.
    private(set) var stored: UInt64 = 0
    /// Delivered, each counted once.
    private(set) var delivered: UInt64 = 0
    /// All numbers up to this one were delivered, or are missing.
    private var highest: UInt64 = 0
    /// Numbers below `highest` that haven't come. Empty in a good run.
    private var missing: Set<UInt64> = []

    /// - Parameter filled: messages that were sent and stored before.
    init(filled: UInt64 = 0) { (sent, stored) = (filled, filled) }

    /// What a delivery turned out to be.
    enum Verdict {
        case inOrder
        case duplicated
        /// It came after a later one.
        case reordered
        /// A number that was never sent.
        case unknown
    }

    /// The number of the next message.
    mutating func send() -> UInt64 {
        sent += 1
        return sent
    }

    /// One more is durable.
    mutating func store() { stored += 1 }

    /// A message has come.
    mutating func deliver(_ number: UInt64) -> Verdict {
        guard number > 0 && number <= sent else { return .unknown }
        if number > highest {
            if number > highest + 1 { missing.formUnion(highest + 1..<number) }
            highest = number
            delivered += 1
            return .inOrder
        }
        guard missing.remove(number) != nil else { return .duplicated }
        delivered += 1
        return .reordered
    }

    /// Durable messages that haven't come.
    var lost: UInt64 { stored > delivered ? stored - delivered : 0 }
}
