internal import HoldfastConnection
internal import HoldfastCore
internal import HoldfastIO
internal import Logging
internal import Synchronization

/// The threads of a gateway that serves, and how they end. Made by `Gateway.start`, ended on the supervisor's thread.
struct RunningGateway {
    let loops: [GatewayLoop]
    let admission: SharedAdmission
    let load: GatewayLoad
    let tokenChecks: TokenChecks
    let core: ThreadMailbox<DriverMessage>
    let port: CorePort
    let stop: StopSignal
    let ticketKeys: TicketKeyFile
    /// nil: there is none.
    let auditFile: AuditFile?
    private let tls: TLSServerContext?
    let drainMilliseconds: Int
    let logger: Logger
    private(set) var addresses = BoundAddresses()
    private let meter = DiskMeter()
    let figures: FigureCollector
    private var loopThreads: [ThreadHandle] = []
    private var coreThread: ThreadHandle?

    /// Recovers the state, then starts everything.
    init(_ configuration: Configuration, storage: any Storage, identity: Identity, stop: StopSignal, logger: Logger) throws {
        self.stop = stop
        self.logger = logger
        ticketKeys = identity.ticketKeys
        tls = identity.tls
        auditFile = try configuration.auditFilePath.map { path throws(GatewayError) in try Self.openAuditFile(path, logger) }
        drainMilliseconds = configuration.drainSeconds * 1000
        let loopCount = configuration.loopCount
        let turn = CoreTurn(
            try Core.recover(
                storage: storage, configuration: configuration.coreConfiguration, loops: loopCount, ports: 1, now: SystemClock.coreTime(),
                writesCheckpoints: true
            ) { logger.info("replaying the journal", metadata: ["records": "\($0)"]) }, ports: 1)
        let core = ThreadMailbox<DriverMessage>()
        self.core = core
        port = CorePort(door: loopCount) { core.post(.core($0)) }
        admission = SharedAdmission(configuration)
        load = GatewayLoad(
            slotsMax: configuration.slotsMax, undelivered: turn.undelivered, timeOffset: turn.timeOffset)
        tokenChecks = try TokenChecks(identity.tokens, load: load, threads: Self.tokenThreads, waitingMax: configuration.tokenChecksMax)
        let names = LogNames(configuration, logger)
        let say: @Sendable (AddressLog.Line) -> Void = { line in
            logger.log(level: line.level, "\(line.message)", metadata: line.metadata.mapValues { "\($0)" })
        }
        let shared = GatewayShared(
            configuration: configuration, admission: admission, load: load, tokenChecks: tokenChecks, core: core,
            addressLog: AddressLog(names, warn: say), refusalLog: RefusalLog(say: say),
            names: names, logger: logger)
        do {
            var loops: [GatewayLoop] = []
            for index in 0..<loopCount {
                loops.append(try GatewayLoop(index: index, shared: shared, ticketKeys: identity.ticketKeys.keys))
            }
            self.loops = loops
            figures = FigureCollector(
                .init(
                    loops: loops.map(\.mailbox), core: core, port: port, disk: meter, storage: storage, tokenChecks: tokenChecks,
                    load: load, tls: identity.tls, connectionsMax: configuration.sizing().connectionsMax,
                    isDraining: { stop.current.drainCount > 0 }))
            addresses = try Self.listen(configuration, loops, identity.tls)
        } catch {
            // An address that is taken is the usual reason; nothing but these threads runs yet.
            tokenChecks.stop()
            throw error
        }
        // A tenth of what the directory may take, and of a large one enough for an operator to come.
        let nearFullBytes = min(Self.nearFullBytesMax, configuration.storageBytesMax / 10)
        try startCore(turn, storage, readers: configuration.readers, nearFullBytes: nearFullBytes)
        for loop in loops { loopThreads.append(try loop.eventLoop.start()) }
    }

    private static func openAuditFile(_ path: String, _ logger: Logger) throws(GatewayError) -> AuditFile {
        do { return try AuditFile(path, logger) } catch {
            throw GatewayError.file(
                ConfigurationError(
                    source: "configuration", key: "auditFile", value: path, problem: "can't be used: \(error)",
                    advice: "Name a file that the gateway may write, or leave it empty for none"))
        }
    }

    static let tokenThreads = 2

    private static let nearFullBytesMax = 1 << 30

    private mutating func startCore(_ turn: consuming CoreTurn, _ storage: any Storage, readers: Int, nearFullBytes: Int) throws {
        let (stop, logger, load) = (stop, logger, load)
        let driver = try CoreDriver(
            turn, storage: storage, mailbox: core, loops: loops.map(\.mailbox), port: port, audit: auditFile, load: load, meter: meter,
            readers: readers,
            nearFullBytes: nearFullBytes, logger: logger
        ) { error in
            guard stop.fail(error.exitCode) else { return }
            logger.critical("the disk failed: \(error)")
        }
        coreThread = try startThread(name: "core") { driver.run { stop.current.failure != nil } }
    }

    /// Each loop listens on every address; the kernel spreads connections over them. A free port is chosen once.
    private static func listen(_ configuration: Configuration, _ loops: [GatewayLoop], _ tls: TLSServerContext?) throws -> BoundAddresses {
        let proxies = try configuration.proxyProtocolFrom.map { text throws(AddressError) in try AddressRange(parsing: text) }
        var bound = BoundAddresses()
        for (texts, context) in [(configuration.listen, nil), (configuration.tlsListen, tls)] {
            for text in texts {
                var address = try SocketAddress(parsing: text)
                for (index, loop) in loops.enumerated() {
                    address = try loop.eventLoop.listen(
                        ListenerConfiguration(
                            address: address, tls: context, proxyProtocolFrom: proxies,
                            handshakeTimeoutMilliseconds: UInt32(configuration.handshakeSeconds) * 1000,
                            backlog: Int32(configuration.listenBacklog), joins: index > 0, isFree: configuration.freeBind))
                }
                if context == nil { bound.tcp.append(address) } else { bound.tls.append(address) }
            }
        }
        return bound
    }

    /// Watches until there is a reason to stop, then stops; the result is the exit code. New ticket keys are made meanwhile.
    func supervise() -> Int32 {
        var certificate = CertificateNotices()
        var nextLook: UInt64 = 0
        while true {
            let now = SystemClock.monotonicMilliseconds()
            if let tls, now >= nextLook {
                nextLook = now + Self.certificateMilliseconds
                certificate.look(at: tls, load.wallSeconds(atMonotonic: now), logger)
            }
            let state = stop.wait(milliseconds: 1000)
            if state.failure != nil || state.drainCount > 0 { break }
            rotateTicketKeys()
        }
        port.endWaits()
        if stop.current.failure == nil { drain() }
        if stop.current.failure != nil {
            sendAway()
            // Nobody is answered any more, so nobody has to wait for it.
            port.stop()
        }
        stop.runLastActions(milliseconds: Self.lastActionsMilliseconds)
        tokenChecks.stop()
        core.post(.core(.finish))
        coreThread?.join()
        port.stop()
        figures.stop()
        auditFile?.stop(until: SystemClock.monotonicMilliseconds() + Self.auditMilliseconds)
        for loop in loops { loop.eventLoop.stop() }
        for thread in loopThreads { thread.join() }
        logger.info("stopped", metadata: ["exitCode": "\(stop.current.failure ?? 0)"])
        return stop.current.failure ?? 0
    }

    /// How often the certificate's times are looked at, those of one that was renewed at SIGHUP, too.
    private static let certificateMilliseconds: UInt64 = 60_000

    private func rotateTicketKeys() {
        do {
            let monotonic = SystemClock.monotonicMilliseconds()
            let isNew = try ticketKeys.rotateIfDue(
                wallSeconds: load.wallSeconds(atMonotonic: monotonic), monotonicSeconds: monotonic / 1000)
            guard isNew else { return }
            logger.info("made a new ticket key")
            for loop in loops { loop.mailbox.post(.ticketKeys(ticketKeys.keys)) }
        } catch {
            // The old key goes on sealing.
            logger.error("no new ticket key: \(error)")
        }
    }

    /// Clients leave spread over the configured time, then the rest is sent away. A second signal or a failure cuts it short.
    private func drain() {
        logger.info("stopping", metadata: ["connections": "\(connectionCount)", "seconds": "\(drainMilliseconds / 1000)"])
        core.post(.core(.requestCheckpoint))
        for loop in loops { loop.mailbox.post(.drain(milliseconds: UInt32(drainMilliseconds))) }
        waitForConnections(milliseconds: drainMilliseconds) { stop.current.drainCount > 1 || stop.current.failure != nil }
        for loop in loops { loop.mailbox.post(.closeAll) }
        waitForConnections(milliseconds: Self.closeMilliseconds) { stop.current.failure != nil }
    }

    /// What a client that was told to leave may take to go, before its connection ends with its loop.
    private static let closeMilliseconds = 1000

    /// What the doors of others than phones may take to end.
    private static let lastActionsMilliseconds = 2_000

    /// What the file of operators' acts may take for its last lines.
    private static let auditMilliseconds: UInt64 = 500

    /// After a failure nothing is confirmed any more; clients are told to come back, as far as that is quick.
    private func sendAway() {
        for loop in loops { loop.mailbox.post(.closeAll) }
        waitForConnections(milliseconds: Self.sendAwayMilliseconds) { false }
    }

    private static let sendAwayMilliseconds = 1000

    private func waitForConnections(milliseconds: Int, unless isCutShort: () -> Bool) {
        let end = SystemClock.monotonicMilliseconds() + UInt64(milliseconds)
        while connectionCount > 0 && !isCutShort() {
            let now = SystemClock.monotonicMilliseconds()
            guard now < end else { return }
            _ = stop.wait(milliseconds: min(20, Int(end - now)))
        }
    }

    private var connectionCount: Int { admission.admission.withLock { $0.connectionCount } }
}
