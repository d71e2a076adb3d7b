import HoldfastClient
import HoldfastCore
import HoldfastTestSupport
import HoldfastWire

/// One life of the app on a phone: the real client machine and its real state file, driven as the client library drives them.
final class PhoneProcess {
    unowned let phone: SimulatedPhone
    let world: World
    private(set) var machine: ClientMachine
    private var file: ClientStateFile
    private(set) var isAlive = true
    private var actions = ClientActions()
    private(set) var link: Link?
    private var unconsumed: [UInt8] = []
    private var timerStamp = 0
    /// The clock of the process begins anywhere.
    private let clockStart: UInt64
    /// The process dies when so many more actions have been carried out.
    private var actionsLeft: Int?
    private var acknowledgeStamp = 0
    /// Until then nothing of the app runs; what happens waits.
    private var suspendedUntil: UInt64 = 0
    private var waiting: [() -> Void] = []
    /// Timers that were due meanwhile: they come after what lies in the socket.
    private var waitingTimers: [() -> Void] = []

    init(_ phone: SimulatedPhone) throws(ClientError) {
        self.phone = phone
        world = phone.world
        clockStart = world.random.within(0...1 << 33)
        let recovery: ClientStateFile.Recovery
        (file, recovery) = try ClientStateFile.open(phone.files, user: phone.profile.user, device: phone.profile.device)
        machine = ClientMachine(settings: phone.settings, state: file.state)
        if case .damaged(_, let reason) = recovery { phone.oracle.stateDamaged(phone, reason) }
        // What became of messages of earlier lives.
        for failure in file.state.failures { phone.oracle.failed(phone, id: failure.id, failure.code) }
        file.append(.failuresForgotten)
        if phone.profile.app == .transactional, phone.storedPosition > .zero { machine.startAfter(phone.storedPosition, &actions) }
        clockBase = world.time
        perform()
    }

    private let clockBase: UInt64

    private func now() -> ClientNow { ClientNow(milliseconds: clockStart + world.time - clockBase, random: world.random.next()) }

    // MARK: - The app

    func connect() { step { $0.connectRequested($1, &$2) } }

    func setPace(seconds: UInt32) { step { $0.setPace(seconds: seconds, $1, &$2) } }

    func close(_ intent: CloseIntent) -> Bool {
        var isDone = false
        step { isDone = $0.close(intent, $1, &$2) }
        return isDone
    }

    /// - Returns: whether the message is in the outbox, on the disk.
    func send(_ body: [UInt8], to recipient: Recipient, waitsForRoom: Bool, textID: Int) -> Bool {
        var id: UInt64?
        step { machine, now, actions in
            id = try? machine.send(to: recipient, kind: .text, body: body, waitsForRoom: waitsForRoom, &actions)
            // Known before anything of it can happen.
            if let id { phone.textOfID[id] = textID }
            machine.flush(now, &actions)
        }
        return id != nil && isAlive
    }

    func withdraw(_ id: UInt64) -> Bool {
        var isOut = false
        step { machine, now, actions in
            isOut = machine.withdraw(id: id, &actions)
            machine.flush(now, &actions)
        }
        return isOut
    }

    func acknowledge(through position: Position) {
        step { machine, now, actions in
            machine.acknowledge(through: position, now, &actions)
            machine.flush(now, &actions)
        }
    }

    // MARK: - What happens

    func opened(_ link: Link) {
        whenAwake { [unowned self] in
            guard self.link === link else { return }
            world.note("\(phone.name): presents session \(machine.session.rawValue), attach \(machine.attach.rawValue)")
            step { $0.transportOpened($1, &$2) }
        }
    }

    func received(_ link: Link, _ bytes: [UInt8]) {
        whenAwake { [unowned self] in
            guard self.link === link else { return }
            let all = unconsumed + bytes
            step { machine, now, actions in
                let consumed = machine.received(all.span, now, &actions)
                unconsumed = Array(all[consumed...])
            }
        }
    }

    func ended(_ link: Link, _ failure: TransportFailure) {
        whenAwake { [unowned self] in
            guard self.link === link else { return }
            self.link = nil
            step { $0.transportClosed(failure, $1, &$2) }
        }
    }

    private func whenAwake(_ action: @escaping () -> Void) {
        guard suspendedUntil <= world.time else { return waiting.append(action) }
        action()
    }

    func suspend(_ milliseconds: UInt64) {
        guard suspendedUntil <= world.time else { return }
        suspendedUntil = world.time + milliseconds
        world.after(milliseconds) { [weak self] in self?.wakeUp() }
    }

    func wakeUp() {
        suspendedUntil = 0
        let actions = waiting + waitingTimers
        waiting = []
        waitingTimers = []
        for action in actions where isAlive { action() }
    }

    var isSuspended: Bool { suspendedUntil > world.time }

    func die() {
        isAlive = false
        waiting = []
        waitingTimers = []
    }

    func dieAfter(actions count: Int) { actionsLeft = count }

    // MARK: - Driving the machine

    private func step(_ body: (inout ClientMachine, ClientNow, inout ClientActions) -> Void) {
        guard isAlive else { return }
        let before = machine.phase
        body(&machine, now(), &actions)
        world.coverage.client(before, machine.phase)
        perform()
    }

    /// Carries out the actions, in order, then writes what was recorded.
    private func perform() {
        let taken = actions
        actions = ClientActions()
        for action in taken.items {
            if let left = actionsLeft {
                guard left > 0 else { return phone.diedInMidAction() }
                actionsLeft = left - 1
            }
            perform(action, taken)
            guard isAlive else { return }
        }
        try? file.flush()
    }

    private func perform(_ action: ClientAction, _ all: ClientActions) {
        switch action {
        case .openTransport:
            unconsumed = []
            link = phone.network.connect(phone)
        case .closeTransport:
            if let link { phone.network.send(link, .up, .end(.closedByPeer)) }
            link = nil
        case .write(let range): if let link { phone.network.send(link, .up, .bytes(Array(all.bytes[range]))) }
        case .armTimer(let at): armTimer(at)
        case .needToken: fetchToken()
        case .handOver(let range): for index in range { hand(all.deliveries[index], all) }
        case .resolved(let id, let outcome): phone.oracle.resolved(phone, id: id, outcome)
        case .persist(let record): file.append(record)
        case .sync: try? file.sync()
        case .stateChanged(let state):
            phone.stateChanged(state)
        case .welcomed(let outcome):
            world.coverage.count("welcome \(outcome)")
            world.note(
                "\(phone.name): \(outcome), session \(machine.session.rawValue), attach \(machine.attach.rawValue), "
                    + "last sequence \(machine.lastSequence.rawValue)")
            phone.oracle.welcomed(phone, outcome)
        case .notice(let notice): phone.oracle.noticed(phone, notice)
        }
    }

    private func armTimer(_ at: UInt64) {
        timerStamp += 1
        let stamp = timerStamp
        let current = clockStart + world.time - clockBase
        // In the background timers come late.
        let lateness = phone.isInBackground ? world.random.within(0...15_000) : world.random.within(0...20)
        world.after((at > current ? at - current : 0) + lateness) { [weak self] in
            guard let self, isAlive else { return }
            let fire = { [unowned self] in
                guard stamp == timerStamp else { return }
                step { $0.timerFired($1, &$2) }
            }
            if isSuspended { waitingTimers.append(fire) } else { fire() }
        }
    }

    private func fetchToken() {
        world.after(world.random.within(10...2_000)) { [weak self] in
            guard let self, isAlive else { return }
            whenAwake { [unowned self] in
                if world.random.chance(0.04), !world.isHealed {
                    world.coverage.count(.tokenUnavailable)
                    return step { $0.tokenFailed($1, &$2) }
                }
                let token = phone.makeToken()
                step { $0.tokenProvided(token, $1, &$2) }
            }
        }
    }

    private func hand(_ delivery: ClientDelivery, _ all: ClientActions) {
        switch delivery {
        case .message(let message): phone.oracle.shown(phone, message, body: Array(all.bodies[message.body]))
        case .gap(let through, let count, let reason): phone.oracle.gap(phone, through: through, count: count, reason)
        }
        acknowledgeLater()
    }

    /// The app has dealt with what it was shown, after a while.
    func acknowledgeLater() {
        acknowledgeStamp += 1
        let stamp = acknowledgeStamp
        world.after(world.random.within(0...3_000)) { [weak self] in
            guard let self, isAlive else { return }
            whenAwake { [unowned self] in
                guard stamp == acknowledgeStamp, !phone.holdsAcknowledgements else { return }
                acknowledge(through: phone.shownThrough)
            }
        }
    }
}
