internal import Foundation
internal import HoldfastConnection
package import HoldfastCore
package import HoldfastIO
internal import HoldfastStorage
package import Logging
internal import Synchronization

/// Where a gateway listens: the addresses that the system gave, so that port 0 works.
package struct BoundAddresses: Equatable, Sendable {
    package var tcp: [SocketAddress] = []
    package var tls: [SocketAddress] = []
}

/// A gateway: listeners, event loops, the core and its disk.
///
/// Life: `start`, then `waitUntilStopped`; in between `beginDrain` from anywhere. A failure of the disk stops it by itself, because
/// nothing may be acknowledged any more. One start for each object.
package final class Gateway: Sendable {
    private let configuration: Configuration
    private let migrates: Bool
    private let logger: Logger
    private let stop = StopSignal()
    private let exitCode = Completion<Int32>()
    private let tls = Mutex<TLSServerContext?>(nil)
    private let reloads = Mutex(Reloads())
    private let started = Mutex<Started?>(nil)
    /// Who else shows the certificate, or reads files that are read again at SIGHUP.
    private let reloadActions = Mutex<[@Sendable () -> Void]>([])

    /// What other doors than the phones' use of a gateway that serves.
    private struct Started {
        let port: CorePort
        let tokens: TokenVerifier
        let load: GatewayLoad
        let figures: FigureCollector
        let loops: [LoopMailbox]
        let certificate: CertificateFiles?
        let configuration: Configuration
    }

    private struct Reloads {
        var isRunning = false
        /// Asked for since the one that runs began.
        var isWanted = false
    }

    /// - Parameter migrates: a data directory of an earlier format is changed to this version's, for good.
    package init(configuration: Configuration, logger: Logger, migrates: Bool = false) {
        self.configuration = configuration
        self.migrates = migrates
        self.logger = logger
    }

    /// Opens the data directory, replays what is to be replayed, and listens: when this returns, a resume is served.
    package func start() async throws(GatewayError) -> BoundAddresses {
        do {
            try configuration.check(source: "configuration")
            try DescriptorLimit.raiseToMaximum()
            ProcessMemory.giveLargeBlocksBack()
            try ThreadLimit.require(configuration.threadCount)
            let configuration = sized()
            // The directory's lock comes first: the files of another gateway aren't touched.
            let storage = try LMDBStorage.open(
                directory: configuration.data, configuration: configuration.storageConfiguration, migration: migration(),
                isIntact: { Record.isIntact($1) })
            let time = configuration.clockRule.time(SystemClock.wallMilliseconds(), after: try Core.storedTime(storage))
            let identity = try await Identity(configuration, wallSeconds: time / 1000, logger)
            tls.withLock { $0 = identity.tls }
            let running = try RunningGateway(configuration, storage: storage, identity: identity, stop: stop, logger: logger)
            let started = Started(
                port: running.port, tokens: identity.tokens, load: running.load, figures: running.figures,
                loops: running.loops.map(\.mailbox),
                certificate: identity.certificate, configuration: configuration)
            self.started.withLock { $0 = started }
            if let audit = running.auditFile { onReload { audit.reopen() } }
            return try supervise(running)
        } catch {
            let failure = GatewayError(error)
            exitCode.fulfil(failure.exitCode)
            throw failure
        }
    }

    /// Where requests without a connection go; nil before the start.
    package var port: CorePort? { started.withLock { $0?.port } }

    /// What the event loops know of connections; those that have ended since are left out.
    package func facts(of connections: [ConnectionHandle]) async -> [ConnectionHandle: ConnectionFacts] {
        guard let loops = started.withLock({ $0?.loops }) else { return [:] }
        return await ConnectionInquiry(connections).ask(loops)
    }

    /// The certificate that the gateway shows, and its key; nil when it has none, and before the start.
    package var certificateFiles: CertificateFiles? { started.withLock { $0?.certificate } }

    /// The configuration with what follows from the memory in it; before the start as it was given.
    package var configurationInForce: Configuration { started.withLock { $0?.configuration } ?? configuration }

    /// The version of the data directory's format.
    package var dataFormat: Int { Int(StorageFormat.current.rawValue) }

    /// Whether a resume would be served: false before the start, while it drains, and after a failure.
    package var isServing: Bool { started.withLock { $0 != nil } && stop.current == StopSignal.State() }

    /// Whether phones are told to wait or to come back.
    package var isShedding: Bool { started.withLock { $0?.load }?.isShedding(at: SystemClock.monotonicMilliseconds()) ?? false }

    /// Seconds since 1970, as far as the machine's clock is believed; 0 before the start.
    package var wallSeconds: UInt64 {
        started.withLock { $0?.load }?.wallSeconds(atMonotonic: SystemClock.monotonicMilliseconds()) ?? 0
    }

    /// Checks a token against the gateway's keys and clock. It computes for tens of microseconds and reads nothing.
    /// - Returns: nil before the start.
    package func verify(_ token: [UInt8]) throws(TokenError) -> VerifiedToken? {
        guard let (tokens, load) = started.withLock({ $0.map { ($0.tokens, $0.load) } }) else { return nil }
        return try tokens.verify(token, now: load.wallSeconds(atMonotonic: SystemClock.monotonicMilliseconds()))
    }

    /// Has `action` done at a stop when the phones have left, before the core ends. It may take a second or two.
    package func beforeEnd(_ action: @escaping @Sendable () async -> Void) { stop.addLastAction(action) }

    /// Has `action` done whenever SIGHUP has files opened again.
    package func onReload(_ action: @escaping @Sendable () -> Void) { reloadActions.withLock { $0.append(action) } }

    /// What the gateway counts, for metrics; nil before the start. It takes half a second at most, for a part that doesn't answer.
    package func figures() async -> GatewayFigures? {
        guard let collector = started.withLock({ $0?.figures }) else { return nil }
        return await collector.collect()
    }

    /// Asks for a stop in order: nobody new is let in, clients are told to leave, everything is stored. A second call cuts the time short.
    package func beginDrain() { stop.drain() }

    /// The exit code, once nothing of the gateway runs any more: 0 after a drain, else that of what failed.
    package func waitUntilStopped() async -> Int32 { await exitCode.value() }

    /// Has a thread of its own read certificate, key and token keys again: files can keep their reader waiting, and the signals' thread must not be kept
    /// from a SIGTERM. Of several requests meanwhile the last is carried out.
    private func requestReload() {
        let starts = reloads.withLock { reloads in
            reloads.isWanted = true
            defer { reloads.isRunning = true }
            return !reloads.isRunning
        }
        guard starts else { return }
        do {
            _ = try startThread(name: "reload") {
                while self.takesReload() {
                    self.reloadCertificate()
                    self.awaitTokenKeys()
                }
            }
        } catch {
            reloads.withLock { $0 = Reloads() }
            logger.error("certificate and token keys can't be read again, the old ones stay: \(error)")
        }
    }

    /// For the thread of the reload, which is none of Swift's pool and may wait: the library makes its keys in an actor.
    private func awaitTokenKeys() {
        let done = DispatchSemaphore(value: 0)
        Task {
            await reloadTokenKeys()
            done.signal()
        }
        done.wait()
    }

    private func takesReload() -> Bool {
        reloads.withLock { reloads in
            reloads.isRunning = reloads.isWanted
            reloads.isWanted = false
            return reloads.isRunning
        }
    }

    /// Reads certificate and key again; connections that are up stay.
    package func reloadCertificate() {
        if let context = tls.withLock({ $0 }) {
            do {
                try context.reload()
                logger.info("read the certificate again")
            } catch {
                logger.error("the certificate can't be used, the old one stays: \(error)")
            }
        }
        for action in reloadActions.withLock({ $0 }) { action() }
    }

    /// Reads the key set again. Connections that are up stay, also those of tokens whose key is gone.
    package func reloadTokenKeys() async {
        let path = configuration.tokenKeySetFile
        guard !path.isEmpty, let tokens = started.withLock({ $0?.tokens }) else { return }
        do throws(GatewayError) {
            let keySet = try await Identity.keySet(path)
            tokens.replace(keySet)
            logger.info("read the token keys again", metadata: ["file": "\(path)", "kids": "\(keySet.ids.joined(separator: ", "))"])
            tokens.sayIgnored(path, logger)
        } catch {
            logger.error("the token keys can't be used, the old ones stay: \(error)")
        }
    }

    /// Reacts to the process's signals: SIGTERM and SIGINT drain, SIGHUP reads certificate and token keys again, and opens the audit file
    /// anew. Keep the result while it runs.
    package func watchSignals() throws(GatewayError) -> SignalWatcher {
        do {
            return try SignalWatcher([.terminate, .interrupt, .hangUp]) { signal in
                if signal == .hangUp { self.requestReload() } else { self.beginDrain() }
            }
        } catch {
            throw GatewayError(error)
        }
    }

    /// Says in the log how far one is.
    private func migration() -> Migration {
        Migration(isWanted: migrates) { [logger, configuration] progress in
            logger.notice(
                "migrating the data directory",
                metadata: [
                    "data": "\(configuration.data)", "format": "\(StorageFormat.current.rawValue)",
                    "entries": "\(progress.movedEntries) of \(progress.entryCount)",
                ])
        }
    }

    /// The configuration, with what follows from the memory in it, and in the log.
    private func sized() -> Configuration {
        let limit = MemoryLimit.read()
        let sized = configuration.sized(for: limit)
        let values = configuration.automaticText(sized)
        if let limit, !values.isEmpty {
            logger.info("memory limit \(limit.bytes >> 20) MiB by \(limit.source): \(values); set them in the configuration to override")
        }
        return sized
    }

    private func supervise(_ running: sending RunningGateway) throws -> BoundAddresses {
        let addresses = running.addresses
        let exitCode = exitCode
        let supervisor = Supervisor(running)
        _ = try startThread(name: "supervisor") { exitCode.fulfil(supervisor.run()) }
        return addresses
    }
}

/// Hands the running gateway to its supervisor's thread, and lets go of it (of the disk, too) before the end is told.
final class Supervisor: Sendable {
    private let running: Mutex<RunningGateway?>

    init(_ running: sending RunningGateway) { self.running = Mutex(running) }

    func run() -> Int32 {
        guard
            let running = running.withLock({ running in
                let taken = running
                running = nil
                return taken
            })
        else { return 0 }
        return running.supervise()
    }
}
