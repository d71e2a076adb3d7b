import HoldfastTestSupport

/// Something that is done to a run: by its users, by its operator, or by bad luck. Numbers choose a phone, a user, a size or a time; what
/// they mean is taken modulo what there is, so that an operation makes sense in a run from which others were taken out.
package struct Operation: Equatable, Sendable {
    package enum Kind: String, CaseIterable, Sendable {
        // What users do.
        case send, withdraw, logOut, disconnect, holdAcknowledgements
        // What happens to phones.
        case cut, changeAddress, partition, kill, killInMidAction, reboot, backUpPhone, restorePhone, damageState, background, suspend
        // What happens to the gateway.
        case crash, powerCut, drain, rotateKeys, checkpoint, stall, wallJump, failCommit, failCheckpoint, fillDisk, slowDisk, flipBit
        case backUpGateway, restoreGateway
        // What backends and operators do.
        case push, ask, hold, act, feed
        /// Everybody is away for days.
        case absence

        /// How often it is drawn, in thousandths.
        var weight: Int {
            switch self {
            case .send: 560
            case .cut: 170
            case .withdraw: 12
            case .logOut: 5
            case .disconnect: 18
            case .holdAcknowledgements: 14
            case .changeAddress: 30
            case .partition: 8
            case .kill: 24
            case .killInMidAction: 16
            case .reboot: 12
            case .backUpPhone: 10
            case .restorePhone: 4
            case .damageState: 3
            case .background: 18
            case .suspend: 14
            case .crash: 14
            case .powerCut: 6
            case .drain: 6
            case .rotateKeys: 6
            case .checkpoint: 14
            case .stall: 6
            case .wallJump: 5
            case .failCommit: 2
            case .failCheckpoint: 2
            case .fillDisk: 3
            case .slowDisk: 4
            case .flipBit: 2
            case .backUpGateway: 6
            case .restoreGateway: 2
            case .absence: 2
            case .push: 60
            case .ask: 20
            case .hold: 20
            case .act: 20
            case .feed: 60
            }
        }

        /// The same where the power fails again and again: what nobody has synced is lost twice before anybody sends.
        var weightWithoutPower: Int {
            switch self {
            case .send: 200
            case .powerCut: 250
            case .reboot: 150
            // At each start a jump may count as a day (`AgeClock`), and with so many starts messages do expire.
            case .wallJump: 0
            default: weight
            }
        }
    }

    package var kind: Kind
    /// When, in milliseconds since the beginning.
    package var time: UInt64
    var a: UInt64
    var b: UInt64

    package init(_ kind: Kind, at time: UInt64, _ a: UInt64 = 0, _ b: UInt64 = 0) {
        self.kind = kind
        self.time = time
        self.a = a
        self.b = b
    }
}

/// What a run does, drawn from its seed before anything happens: taking operations out leaves the others what they were.
package struct Plan: Sendable {
    package let seed: UInt64
    package let clients: Int
    package let steps: Int
    package internal(set) var operations: [Operation] = []

    /// A phone has so many operations an hour, so that an hour has what the campaign's averages ask for.
    static let operationsPerPhoneHour = 24.0

    package init(seed: UInt64, steps: Int, clients: Int) {
        self.seed = seed
        self.steps = steps
        self.clients = clients
        var random = SeededRandom(seed: seed &* 0x9E37_79B9)
        // A seed in eight: two ends that go back by turns need more than chance to meet.
        let weight = seed % 8 == 6 ? \Operation.Kind.weightWithoutPower : \.weight
        let total = Operation.Kind.allCases.reduce(0) { $0 + $1[keyPath: weight] }
        let length = UInt64(Double(steps) / (Double(max(1, clients)) * Self.operationsPerPhoneHour) * 3_600_000)
        for _ in 0..<steps {
            var number = random.below(total)
            guard
                let kind = Operation.Kind.allCases.first(where: { kind in
                    number -= kind[keyPath: weight]
                    return number < 0
                })
            else { continue }
            operations.append(Operation(kind, at: random.within(0...length), random.next(), random.next()))
        }
        operations.sort { $0.time < $1.time }
    }

    /// A history that is written down: these operations, in a world that is drawn from the seed.
    package init(seed: UInt64, clients: Int, operations: [Operation]) {
        self.seed = seed
        self.clients = clients
        steps = operations.count
        self.operations = operations
    }

    /// The same with these operations only, by their number in the whole plan.
    package func only(_ numbers: [Int]) -> Plan {
        var plan = self
        plan.operations = numbers.compactMap { operations.indices.contains($0) ? operations[$0] : nil }
        return plan
    }
}
