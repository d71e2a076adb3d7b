import HoldfastWire

/// A machine with its state file and its connection; used by one thread at a time, under the driver's lock.
struct ClientCore: ~Copyable {
    let configuration: ClientConfiguration
    let transport: any ClientTransport
    let recovery: ClientStateFile.Recovery
    let incoming: OneReader<Incoming>
    let notices: OneReader<ClientNotice>
    private(set) var file: ClientStateFile?
    private(set) var machine: ClientMachine
    private var actions = ClientActions()
    private var connection: (any ClientTransportConnection)?
    /// Events of an older connection are not told to the machine.
    private var generation: UInt64 = 0
    /// The beginning of a frame.
    private var unconsumed: [UInt8] = []
    private var timerAt: UInt64 = .max
    private var results: [UInt64: OneShot<Result<SendReceipt, SendError>>] = [:]
    private var connectWaiters: [OneShot<Result<SessionStart, ClientError>>] = []
    private var roomWaiters = Queue<SendRequest>()
    private var diskWaiters: [OneShot<Bool>] = []
    private var accepted: [(OneShot<Result<PendingSend, SendError>>, PendingSend)] = []
    private var random = SystemRandomNumberGenerator()
    private let start = ContinuousClock.now
    /// Nothing is done any more, and why.
    private var ending: SendError?
    /// A session was there before: another one takes its place.
    private var hadSession: Bool
    /// What the gateway said when it closed a connection last.
    private var lastClosing = ""

    init(
        configuration: ClientConfiguration, transport: any ClientTransport, file: ClientStateFile?, recovery: ClientStateFile.Recovery,
        incoming: OneReader<Incoming>, notices: OneReader<ClientNotice>
    ) {
        self.configuration = configuration
        self.transport = transport
        self.file = file
        self.recovery = recovery
        hadSession = file?.state.session != nil
        self.incoming = incoming
        self.notices = notices
        machine = ClientMachine(settings: ClientSettings(configuration, isPersistent: file != nil), state: file?.state)
        if let position = configuration.storedPosition { machine.startAfter(Position(rawValue: position), &actions) }
        for entry in machine.outboxEntries { results[entry.id] = OneShot() }
        if case .damaged(let name, let reason) = recovery { notices.yield(.stateDamaged(setAside: name, reason: reason)) }
    }

    /// Messages of earlier runs and of this one that have no outcome yet.
    var pendingSends: [PendingSend] {
        machine.outboxEntries.compactMap { entry in
            results[entry.id].map { PendingSend(id: entry.id, tag: entry.tag, inputNumber: entry.inputNumber, result: $0) }
        }
    }

    mutating func handle(_ events: [ClientEvent], for driver: ClientDriver) {
        for event in events {
            if let ending {
                Self.refuse(event, ending)
                continue
            }
            handle(event, driver)
        }
        guard ending == nil else { return }
        machine.flush(now(), &actions)
        perform(driver)
        admitWaiting(driver)
        finishBatch(driver)
    }

    private mutating func handle(_ event: ClientEvent, _ driver: ClientDriver) {
        let now = now()
        switch event {
        case .send(let request):
            if roomWaiters.isEmpty && take(request) { return }
            return roomWaiters.append(request)
        case .acknowledge(let position, let waiter):
            machine.acknowledge(through: Position(rawValue: position), now, &actions)
            if let waiter { diskWaiters.append(waiter) }
            return
        case .connect(let waiter):
            if machine.phase == .open {
                waiter.set(.success(.continued))
            } else {
                connectWaiters.append(waiter)
            }
            machine.connectRequested(now, &actions)
        case .transport(let generation, let event):
            guard generation == self.generation else { return }
            handle(event, now)
        case .timer(let at):
            guard at == timerAt else { return }
            timerAt = .max
            machine.timerFired(now, &actions)
        case .token(let token): machine.tokenProvided(token, now, &actions)
        case .tokenFailed(let reason): machine.tokenFailed(now, &actions, because: reason)
        case .withdraw(let id, let waiter):
            let isOut = machine.withdraw(id: id, &actions)
            // Told once the disk knows.
            perform(driver)
            return waiter.set(isOut && ending == nil)
        case .setPace(let seconds): machine.setPace(seconds: seconds, now, &actions)
        case .forgetFailures(let waiter):
            file?.append(.failuresForgotten)
            diskWaiters.append(waiter)
        case .close(let intent, let waiter):
            perform(driver)
            let isDone = machine.close(intent == .logout ? .logout : .keep, now, &actions)
            perform(driver)
            if isDone { end(SendError(.closed), .disconnected, driver) }
            return waiter.set(isDone)
        }
        perform(driver)
    }

    private mutating func handle(_ event: TransportEvent, _ now: ClientNow) {
        switch event {
        case .opened: machine.transportOpened(now, &actions)
        case .received(let bytes):
            if unconsumed.isEmpty {
                let consumed = machine.received(bytes.span, now, &actions)
                if consumed < bytes.count { unconsumed = Array(bytes[consumed...]) }
            } else {
                let all = unconsumed + bytes
                let consumed = machine.received(all.span, now, &actions)
                unconsumed = Array(all[consumed...])
            }
        case .closed(let failure): machine.transportClosed(failure, now, &actions)
        }
    }

    /// False: there is no room in the outbox.
    private mutating func take(_ request: SendRequest) -> Bool {
        // The caller may have given up while it waited for room.
        guard !request.accepted.isSet else { return true }
        guard let kind = MessageKind(rawValue: request.kind.rawValue) else { preconditionFailure("a kind that the wire doesn't have") }
        do throws(ClientMachine.EnqueueFailure) {
            let id = try machine.send(
                to: request.recipient, kind: kind, body: request.body, waitsForRoom: request.waitsForRoom, tag: request.tag, &actions)
            let result = OneShot<Result<SendReceipt, SendError>>()
            results[id] = result
            let number = request.tag == nil ? 0 : machine.inputCount
            // Told once the message is on the disk.
            accepted.append((request.accepted, PendingSend(id: id, tag: request.tag, inputNumber: number, result: result)))
        } catch {
            switch error {
            case .outboxFull: return false
            case .invalidRecipient: request.accepted.set(.failure(SendError(.invalidRecipient)))
            case .bodyTooLarge: request.accepted.set(.failure(SendError(.bodyTooLarge)))
            }
        }
        return true
    }

    /// Messages that waited for room in the outbox, as far as there is some now.
    private mutating func admitWaiting(_ driver: ClientDriver) {
        guard ending == nil, let first = roomWaiters.first, take(first) else { return }
        _ = roomWaiters.popFirst()
        while let request = roomWaiters.first, take(request) { _ = roomWaiters.popFirst() }
        machine.flush(now(), &actions)
        perform(driver)
    }

    private mutating func finishBatch(_ driver: ClientDriver) {
        guard ending == nil else { return }
        do throws(StateStorageError) {
            if diskWaiters.isEmpty { try file?.flush() } else { try file?.sync() }
        } catch {
            return endUnwritable(error, driver)
        }
        for waiter in diskWaiters { waiter.set(true) }
        diskWaiters = []
        for (waiter, pending) in accepted { waiter.set(.success(pending)) }
        accepted = []
    }

    /// Carries out the actions, in order.
    private mutating func perform(_ driver: ClientDriver) {
        guard !actions.isEmpty else { return }
        for index in actions.items.indices {
            do throws(StateStorageError) {
                try perform(actions.items[index], driver)
            } catch {
                // What follows relies on what isn't on the disk.
                endUnwritable(error, driver)
                break
            }
        }
        actions.removeAll()
    }

    private mutating func perform(_ action: ClientAction, _ driver: ClientDriver) throws(StateStorageError) {
        switch action {
        case .openTransport(let address):
            generation += 1
            unconsumed = []
            connection = transport.open(configuration.endpoint.moved(to: address)) { [weak driver, generation] event in
                driver?.post(.transport(generation: generation, event))
            }
        case .closeTransport:
            generation += 1
            connection?.close()
            connection = nil
        case .write(let range): connection?.write(Array(actions.bytes[range]))
        case .armTimer(let at):
            timerAt = at
            let now = milliseconds
            driver.arm(at: at, in: at > now ? at - now : 0)
        case .needToken: driver.fetchToken()
        case .handOver(let range): for index in range { incoming.yield(makeIncoming(actions.deliveries[index])) }
        case .resolved(let id, let outcome): results.removeValue(forKey: id)?.set(outcome.result)
        case .persist(let record): file?.append(record)
        case .sync: try file?.sync()
        case .stateChanged(let state):
            driver.states.set(state)
            if case .stopped(let reason) = state {
                failConnects(ClientError(.stopped, lastClosing.isEmpty ? "\(reason)" : "\(reason), \(lastClosing)", stopReason: reason))
            }
        case .welcomed(let outcome):
            // Where there was no session, an ended one of the device's is nobody's loss.
            let isNewBeginning = !hadSession && (outcome == .begunEnded || outcome == .begunExpired)
            for waiter in connectWaiters { waiter.set(.success(isNewBeginning ? .begun : SessionStart(outcome))) }
            connectWaiters = []
            hadSession = true
            lastClosing = ""
        case .notice(let notice):
            if case .closedByServer(_, let text) = notice { lastClosing = text }
            notices.yield(notice)
        }
    }

    private mutating func endUnwritable(_ error: StateStorageError, _ driver: ClientDriver) {
        end(SendError(.stateUnwritable, error.message), .stopped(.stateUnwritable(error.message)), driver)
    }

    /// Nothing is done from here on; everyone who waits is told.
    private mutating func end(_ error: SendError, _ state: ConnectionState, _ driver: ClientDriver) {
        guard ending == nil else { return }
        ending = error
        generation += 1
        connection?.close()
        connection = nil
        // A failure here says no more than the one before, or loses nothing that was promised.
        try? file?.close()
        file = nil
        failConnects(Self.connectError(error))
        for result in results.values { result.set(.failure(error)) }
        results = [:]
        for (waiter, _) in accepted { waiter.set(.failure(error)) }
        accepted = []
        for request in roomWaiters.array { request.accepted.set(.failure(error)) }
        roomWaiters = Queue()
        for waiter in diskWaiters { waiter.set(false) }
        diskWaiters = []
        driver.states.set(state)
        driver.states.finish()
        incoming.finish()
        notices.finish()
    }

    private mutating func failConnects(_ error: ClientError) {
        for waiter in connectWaiters { waiter.set(.failure(error)) }
        connectWaiters = []
    }

    /// The client has ended: whoever waits is told so.
    private static func refuse(_ event: ClientEvent, _ ending: SendError) {
        switch event {
        case .connect(let waiter): waiter.set(.failure(connectError(ending)))
        case .send(let request): request.accepted.set(.failure(ending))
        case .withdraw(_, let waiter), .forgetFailures(let waiter), .close(_, let waiter): waiter.set(false)
        case .acknowledge(_, let waiter): waiter?.set(false)
        case .transport, .timer, .token, .tokenFailed, .setPace: break
        }
    }

    private static func connectError(_ ending: SendError) -> ClientError {
        ending.code == .closed ? ClientError(.closed, "the client was closed") : ClientError(.stateUnusable, ending.message)
    }

    private func makeIncoming(_ delivery: ClientDelivery) -> Incoming {
        switch delivery {
        case .gap(let through, let count, let reason):
            return .gap(
                IncomingGap(through: through.rawValue, count: count, reason: IncomingGap.Reason(rawValue: reason.rawValue) ?? .damaged))
        case .message(let message):
            return .message(
                IncomingMessage(
                    position: message.position.rawValue, conversation: message.conversation.rawValue,
                    from: message.isOwn ? configuration.user : message.peer, peer: message.peer, timeMilliseconds: message.time,
                    kind: BodyKind(known: message.kind.rawValue), body: Array(actions.bodies[message.body]), isOwn: message.isOwn,
                    isRepeat: message.isRepeat))
        }
    }

    private var milliseconds: UInt64 {
        let (seconds, attoseconds) = (ContinuousClock.now - start).components
        return UInt64(seconds) * 1_000 + UInt64(attoseconds / 1_000_000_000_000_000)
    }

    private mutating func now() -> ClientNow { ClientNow(milliseconds: milliseconds, random: random.next()) }
}

extension SendOutcome {
    fileprivate var result: Result<SendReceipt, SendError> {
        switch self {
        case .stored(let sequence): .success(SendReceipt(sequence: sequence.rawValue))
        case .refused(let code): .failure(SendError(SendError.Code(rawValue: code.rawValue) ?? .unknown))
        case .unknown: .failure(SendError(.unknown))
        case .withdrawn: .failure(SendError(.withdrawn))
        }
    }
}

extension ClientSettings {
    fileprivate convenience init(_ configuration: ClientConfiguration, isPersistent: Bool) {
        var limits = Limits()
        limits.outboxMessagesMax = configuration.outboxMessagesMax
        limits.outboxBytesMax = configuration.outboxBytesMax
        limits.creditMessagesMax = configuration.creditMessagesMax
        limits.creditBytesMax = configuration.creditBytesMax
        limits.acknowledgementDelayMilliseconds = configuration.acknowledgementDelayMilliseconds
        limits.connectTimeoutMilliseconds = configuration.connectTimeoutMilliseconds
        limits.replyTimeoutMilliseconds = configuration.replyTimeoutMilliseconds
        limits.backoffBaseMilliseconds = configuration.backoffBaseMilliseconds
        limits.backoffMaxMilliseconds = configuration.backoffMaxMilliseconds
        self.init(
            device: configuration.device, user: configuration.user, isSendOnly: configuration.isSendOnly, isPersistent: isPersistent,
            obeysAddresses: configuration.endpoint.tls != nil, limits: limits)
    }
}

extension ClientEndpoint {
    /// The same gateway, by its TLS name, at another address: `HOST:PORT`, or `[IPV6]:PORT`. What isn't one is not obeyed.
    func moved(to address: String?) -> ClientEndpoint {
        guard let address, let colon = address.lastIndex(of: ":"), let port = UInt16(address[address.index(after: colon)...]) else {
            return self
        }
        var host = address[..<colon]
        if host.hasPrefix("[") && host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        guard !host.isEmpty else { return self }
        var moved = self
        moved.host = String(host)
        moved.port = port
        return moved
    }
}
