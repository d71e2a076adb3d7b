import HoldfastWire

@testable import HoldfastCore

/// All phones of a run, and the event loops' knowledge of whose a connection is.
final class Phones {
    let harness: CoreHarness
    private(set) var all: [Phone] = []

    init(_ harness: CoreHarness) {
        self.harness = harness
        harness.receive = { [unowned self] in hear($0, $1) }
    }

    @discardableResult
    func add(_ user: String, device: String = "phone", isSendOnly: Bool = false) -> Phone {
        let phone = Phone(harness, user: user, device: device, isSendOnly: isSendOnly)
        all.append(phone)
        return phone
    }

    private func hear(_ connection: ConnectionHandle, _ output: Output) {
        if let phone = all.first(where: { $0.connection == connection }) { return phone.hear(output) }
        // Nobody is there any more. The core may have attached it in the meantime, or closes what another connection took over.
        switch output.effect {
        case .welcome(_, let attached):
            harness.submit(to: connection.loop) { _ in .detach(connection: connection, session: attached.session) }
        default: break
        }
    }

    func crash() throws {
        for phone in all { phone.lost() }
        try harness.crash()
    }

    /// Connects everybody, and acknowledges all that comes until nothing comes any more.
    func drain() throws {
        for phone in all where phone.isConnected { phone.drop() }
        try harness.settle()
        for phone in all {
            phone.acknowledgesByItself = true
            phone.takesOutRefused = true
        }
        for _ in 0..<8 {
            for phone in all where !phone.isConnected { phone.hello() }
            try harness.settle()
        }
        for phone in all {
            phone.acknowledge()
            if !phone.isOpen { harness.fail("\(phone.name) can't connect: \(phone.closes)") }
            if !phone.outbox.isEmpty { harness.fail("\(phone.name): \(phone.outbox.count) sends are unanswered") }
            let missing = harness.stored.inbox(
                of: harness.stored.number(of: phone.user), after: phone.end, through: Position(rawValue: .max))
            if !phone.isSendOnly, !missing.isEmpty {
                harness.fail("\(phone.name): \(missing.map(\.rawValue)) never came; the end is \(phone.end.rawValue)")
            }
        }
        try harness.settle()
    }
}
