/// What was sent, acknowledged and delivered of one stream of numbered messages, 1, 2, 3...
struct StreamLedger {
    /// Given to the sender's machine.
    private(set) var sent: UInt64 = 0
    /// Said to be durable.
    private(set) var stored: UInt64 = 0
    /// Delivered, each counted once.
    private(set) var delivered: UInt64 = 0
    /// Which of them were said to be durable.
    private(set) var acknowledged = Acknowledged()
    /// All numbers up to this one were delivered, or are missing.
    private var highest: UInt64 = 0
    /// Numbers below `highest` that haven't come. Empty in a good run.
    private var missing: Set<UInt64> = []

    /// Numbers that were acknowledged; in a good run all up to one.
    struct Acknowledged {
        /// Up to here every number was answered.
        fileprivate var through: UInt64 = 0
        /// Of those, the ones that weren't acknowledged.
        fileprivate var exceptions: Set<UInt64> = []
        /// Beyond `through`.
        fileprivate var beyond: Set<UInt64> = []

        func contains(_ number: UInt64) -> Bool {
            number <= through ? !exceptions.contains(number) : beyond.contains(number)
        }

        fileprivate mutating func answer(_ number: UInt64, isStored: Bool) {
            // In a good run they come in order, and neither set is touched.
            if isStored && number == through + 1 && beyond.isEmpty && exceptions.isEmpty {
                through = number
                return
            }
            if isStored && number > through { beyond.insert(number) }
            if !isStored { exceptions.insert(number) }
            while beyond.remove(through + 1) != nil || exceptions.contains(through + 1) { through += 1 }
        }

        /// How many are above `number`.
        fileprivate func count(above number: UInt64) -> Int {
            let near = through > number ? Int(through - number) - exceptions.count { $0 > number && $0 <= through } : 0
            return near + beyond.count { $0 > number }
        }
    }

    /// - Parameter filled: messages that were sent and stored before.
    init(filled: UInt64 = 0) {
        (sent, stored) = (filled, filled)
        acknowledged.through = filled
    }

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

    /// One is durable.
    mutating func store(_ number: UInt64) {
        stored += 1
        acknowledged.answer(number, isStored: true)
    }

    /// One was refused, or nobody knows what became of it: it may come or not.
    mutating func giveUp(_ number: UInt64) { acknowledged.answer(number, isStored: false) }

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
    var lost: Int { lost(of: acknowledged) }

    /// Messages that were acknowledged at some time, and haven't come.
    func lost(of acknowledged: Acknowledged) -> Int {
        missing.count { acknowledged.contains($0) } + acknowledged.count(above: highest)
    }
}
