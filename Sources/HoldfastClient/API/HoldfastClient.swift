/// A client of a Holdfast gateway: one user on one device.
///
/// It keeps one session over any number of connections, and connects again by itself. Messages that were accepted by `enqueue` or `send`
/// are sent exactly once, in order, over crashes of the app if the state is kept on disk. Messages of the stream come in order, each until
/// it is acknowledged; one that may have been handed over before is marked.
public final class HoldfastClient: Sendable {
    /// What was found in the state at the start.
    public enum Recovery: Hashable, Sendable {
        /// Nothing: a new client.
        case fresh
        /// The state of an earlier run.
        case loaded
        /// A damaged file, which was set aside under this name. What was in it is lost; the gateway still has what it stored.
        case damaged(setAside: String, reason: String)
    }

    /// The stream; see `messages`.
    public let messages: IncomingMessages
    /// What the app may have to act on.
    public let notices: ClientNotices
    /// What was found in the state at the start.
    public let recovery: Recovery
    private let driver: ClientDriver

    /// A client that isn't connected yet.
    /// - Parameters:
    ///   - configuration: what to connect to, and as whom.
    ///   - transport: how to connect.
    ///   - stateStorage: where to keep the state; nil: nowhere, it ends with the client.
    ///   - token: called whenever a token is needed, each time for a fresh one.
    /// - Throws: `configuration`, `stateInUse`, `stateOfAnother`, `stateTooNew` or `stateUnusable`. Damaged state is no failure, see `recovery`.
    public init(
        configuration: ClientConfiguration, transport: any ClientTransport, stateStorage: (any StateStorage)?,
        token: @escaping @Sendable () async throws -> String
    ) throws(ClientError) {
        try configuration.validate()
        let opened: (file: ClientStateFile, recovery: ClientStateFile.Recovery)?
        if let stateStorage {
            opened = try ClientStateFile.open(stateStorage, user: configuration.user, device: configuration.device)
        } else {
            opened = nil
        }
        let found = opened?.recovery ?? .fresh
        switch found {
        case .fresh: recovery = .fresh
        case .loaded: recovery = .loaded
        case .damaged(let name, let reason): recovery = .damaged(setAside: name, reason: reason)
        }
        // Bounded by the credit: the gateway sends no more than that without acknowledgements.
        let incoming = OneReader<Incoming>("messages")
        let notices = OneReader<ClientNotice>("notices", elementsMax: 256)
        let driver = ClientDriver(
            core: ClientCore(
                configuration: configuration, transport: transport, file: opened?.file, recovery: found, incoming: incoming,
                notices: notices),
            token: token)
        self.driver = driver
        self.notices = ClientNotices(source: notices)
        let acknowledge: @Sendable (UInt64) -> Void = { [weak driver] position in driver?.post(.acknowledge(position, nil)) }
        messages = IncomingMessages(source: incoming, acknowledge: configuration.acknowledgesAutomatically ? acknowledge : nil)
    }

    /// A client that keeps its state in this directory, which is made if there is none.
    public convenience init(
        configuration: ClientConfiguration, transport: any ClientTransport, stateDirectory: String,
        token: @escaping @Sendable () async throws -> String
    ) throws(ClientError) {
        try self.init(
            configuration: configuration, transport: transport, stateStorage: DirectoryStateStorage(path: stateDirectory), token: token)
    }

    /// A client whose state is in RAM and ends with it: for backends, together with `ClientConfiguration.service`.
    ///
    /// While the client lives, what `enqueue` has taken is stored once and in order, over any number of connections and restarts of the gateway. What has no
    /// receipt when the process ends may be stored or not, and nobody can tell: sent again by the next process, it may be stored twice. A backend that must
    /// not lose nor double a message when it crashes itself keeps its state in a directory, or pushes over HTTP (POST /v1/messages), where the
    /// gateway remembers each request by its Idempotency-Key.
    public convenience init(
        configuration: ClientConfiguration, transport: any ClientTransport, token: @escaping @Sendable () async throws -> String
    ) throws(ClientError) {
        try self.init(configuration: configuration, transport: transport, stateStorage: nil, token: token)
    }

    deinit { driver.post(.close(.keep, OneShot())) }

    /// Connects, and from then on stays connected or connects again until `close`. To be called again when the state is `stopped`;
    /// where two clients fight for one session, each waits longer and longer before it takes it back.
    /// - Returns: when the session is open. Attempts that fail are repeated with pauses; cancel the task to stop waiting for it.
    /// - Throws: `stopped` when the gateway doesn't want this client, `closed` after `close` or when the task was cancelled.
    @discardableResult public func connect() async throws(ClientError) -> SessionStart {
        let waiter = OneShot<Result<SessionStart, ClientError>>()
        driver.post(.connect(waiter))
        return try await waiter.value(ifCancelled: .failure(ClientError(.closed, "the task was cancelled"))).get()
    }

    /// Sends a message; returns when it is stored on the gateway's disk. Needs no connection: the message waits in the outbox for one.
    /// When the task is cancelled the message stays in the outbox.
    /// - Parameter waitsForRoom: a full inbox of the recipient is waited for; false: it is the outcome.
    @discardableResult public func send(
        _ body: [UInt8], kind: BodyKind = .text, to recipient: Recipient, waitsForRoom: Bool = true
    ) async throws(SendError) -> SendReceipt {
        try await enqueue(body, kind: kind, to: recipient, waitsForRoom: waitsForRoom).receipt()
    }

    /// Puts a message into the outbox; returns when it is there, on this device's disk if the state is kept. Waits for room in the outbox
    /// (`ClientConfiguration.outboxMessagesMax` and `outboxBytesMax`), so that a caller is never far ahead of the gateway.
    /// - Parameter tag: stays with the message; see `SendTag` and `inputs`.
    public func enqueue(
        _ body: [UInt8], kind: BodyKind = .text, to recipient: Recipient, waitsForRoom: Bool = true, tag: SendTag? = nil
    ) async throws(SendError) -> PendingSend {
        try await submit(body, kind: kind, to: recipient, waitsForRoom: waitsForRoom, tag: tag)
            .value(ifCancelled: .failure(SendError(.closed))).get()
    }

    /// Puts messages into the outbox, in this order; returns when all are there. Where the state is kept they share one write to the disk.
    /// - Throws: the first failure. The messages before it are in the outbox, those after it may be; see `pendingSends`.
    public func enqueue(contentsOf messages: [OutgoingMessage]) async throws(SendError) -> [PendingSend] {
        let submitted = messages.map {
            submit($0.body, kind: $0.kind, to: $0.recipient, waitsForRoom: $0.waitsForRoom, tag: $0.tag)
        }
        var pending: [PendingSend] = []
        pending.reserveCapacity(messages.count)
        for accepted in submitted { pending.append(try await accepted.value(ifCancelled: .failure(SendError(.closed))).get()) }
        return pending
    }

    private func submit(
        _ body: [UInt8], kind: BodyKind, to recipient: Recipient, waitsForRoom: Bool, tag: SendTag?
    ) -> OneShot<Result<PendingSend, SendError>> {
        let accepted = OneShot<Result<PendingSend, SendError>>()
        driver.post(
            .send(
                SendRequest(
                    body: body, kind: kind, recipient: recipient, waitsForRoom: waitsForRoom, tag: tag, accepted: accepted)))
        return accepted
    }

    /// Takes a message out of the outbox. False: it may have been sent, or has an outcome already.
    public func withdraw(_ pending: PendingSend) async -> Bool {
        let waiter = OneShot<Bool>()
        driver.post(.withdraw(id: pending.id, waiter))
        return await waiter.value(ifCancelled: false)
    }

    /// Messages in the outbox, those of earlier runs first.
    public var pendingSends: [PendingSend] { driver.read { $0.pendingSends } }

    /// Messages that were refused or whose fate is unknown, and that nobody may have heard of: tagged ones, and those of earlier runs. Kept
    /// with the state until `forgetFailedSends`.
    public var failedSends: [FailedSend] { driver.read { $0.file?.state.failures ?? [] } }

    /// Forgets `failedSends`.
    public func forgetFailedSends() async {
        let waiter = OneShot<Bool>()
        driver.post(.forgetFailures(waiter))
        _ = await waiter.value(ifCancelled: false)
    }

    /// How many tagged messages were ever taken with this state.
    public var inputs: InputProgress { driver.read { $0.file?.state.inputs ?? InputProgress() } }

    /// Says that everything up to here is dealt with: it isn't handed over again. Returns when that is on this device's disk.
    public func acknowledge(through position: UInt64) async {
        let waiter = OneShot<Bool>()
        driver.post(.acknowledge(position, waiter))
        _ = await waiter.value(ifCancelled: false)
    }

    /// The present state and every change from now on.
    public var connectionStates: AsyncStream<ConnectionState> { driver.states.stream() }

    /// The present state.
    public var connectionState: ConnectionState { driver.states.value }

    /// The longest time between two signs of life that the app can keep, as in the background; 0: back to normal.
    public func setPace(seconds: UInt32) { driver.post(.setPace(seconds: seconds)) }

    /// Ends the client: its sequences end, calls that wait fail with `closed`. What is in the outbox stays in the state.
    /// - Parameter intent: `keep`: the session goes on with the next client; `logout`: it ends, and its state is forgotten.
    /// - Throws: `notConnected` if `logout` can't be told to the gateway now; the client then goes on.
    public func close(_ intent: ClosingIntent = .keep) async throws(ClientError) {
        let waiter = OneShot<Bool>()
        driver.post(.close(intent, waiter))
        let isDone = await waiter.value(ifCancelled: true)
        if !isDone && intent == .logout { throw ClientError(.notConnected, "logout needs a connection") }
    }
}

/// Why a client is closed.
public enum ClosingIntent: Sendable {
    /// I will be back.
    case keep
    /// End the session.
    case logout
}

/// How a session began.
public enum SessionStart: Hashable, Sendable {
    /// It went on.
    case continued
    /// A session of this user on this device began for the first time.
    case begun
    /// A new session began in place of the one that the state had; see the notice `resynchronised`.
    case resynchronised(ClientNotice.Cause)
}
