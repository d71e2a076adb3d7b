package import HoldfastGateway
internal import HummingbirdCore
package import Logging
internal import NIOCore
internal import NIOPosix
internal import ServiceLifecycle
internal import Synchronization

/// Where a control server listens: the addresses that the system gave, so that port 0 works.
package struct BoundControl: Equatable, Sendable {
    /// ADDRESS:PORT; nil: there is no such listener.
    package var control: String?
    package var socket: String?
    package var metrics: String?
}

/// The HTTP server of the control API, for backends and operators of a gateway that serves.
///
/// Life: `start` after the gateway's; the gateway stops it when it ends itself. While the gateway drains, requests are refused with `stopping`, and
/// those under way get their answers.
package final class ControlServer: Sendable {
    private let gateway: Gateway
    private let configuration: Configuration
    private let limits: ControlLimits
    private let library: LibraryMetrics
    private let logger: Logger
    private let running = Mutex<Running?>(nil)

    private struct Running {
        let group: ServiceGroup
        let task: Task<Void, any Error>
    }

    /// The threads of the sockets. They stay: the library still uses them while a listener ends.
    private static let loops = MultiThreadedEventLoopGroup(numberOfThreads: Configuration.controlThreads)

    /// - Parameter library: what libraries report to.
    package convenience init(gateway: Gateway, configuration: Configuration, library: LibraryMetrics, logger: Logger) {
        self.init(gateway: gateway, configuration: configuration, limits: ControlLimits(), library: library, logger: logger)
    }

    init(
        gateway: Gateway, configuration: Configuration, limits: ControlLimits, library: LibraryMetrics = LibraryMetrics(), logger: Logger
    ) {
        self.gateway = gateway
        self.configuration = configuration
        self.limits = limits
        self.library = library
        self.logger = logger
    }

    /// Listens: when this returns, requests are answered. Once for each object.
    package func start() async throws(GatewayError) -> BoundControl {
        let responder = ControlResponder(gateway: gateway, configuration: configuration, limits: limits, library: library, logger: logger)
        // What libraries say of themselves is for those who look for it.
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .warning)
        let listeners = try listeners(responder)
        let bound = Bound(count: listeners.count)
        let services = listeners.map { listener in
            NamedService(
                key: listener.key, text: listener.text,
                service: ControlChannel(door: listener.door, tls: listener.tls, limits: limits, responder: responder).server(
                    configuration: ServerConfiguration(
                        address: listener.address,
                        availableConnectionsDelegate: MaximumAvailableConnections(limits.connectionsMax, logger: quiet)),
                    onServerRunning: { bound.add(listener.door, $0.localAddress) }, eventLoopGroup: Self.loops, logger: quiet))
        }
        var group = ServiceGroupConfiguration(services: services.map { .init(service: $0) }, logger: quiet)
        group.maximumGracefulShutdownDuration = limits.stopTime
        let serviceGroup = ServiceGroup(configuration: group)
        let task = Task { try await serviceGroup.run() }
        Task {
            if case .failure(let error) = await task.result { bound.fail(error) }
        }
        do {
            let addresses = try await bound.addresses()
            if let path = configuration.controlSocketPath { try ControlSocket.close(toOthers: path) }
            running.withLock { $0 = Running(group: serviceGroup, task: task) }
            gateway.beforeEnd { await self.stop() }
            return addresses
        } catch {
            task.cancel()
            _ = await task.result
            throw GatewayError(error)
        }
    }

    /// Ends the listeners, whose socket goes with them; what is under way may finish within a bound. The gateway calls it, and waits only so long:
    /// another call waits for the end.
    package func stop() async {
        guard let running = running.withLock({ $0 }) else { return }
        await running.group.triggerGracefulShutdown()
        _ = await running.task.result
    }

    /// One address to listen at.
    struct Listener: Sendable {
        let door: Door
        /// The key of the configuration that names it.
        let key: String
        let text: String
        let address: BindAddress
        let tls: ControlTLS?
    }

    private func listeners(_ responder: ControlResponder) throws(GatewayError) -> [Listener] {
        var listeners: [Listener] = []
        if !configuration.controlListen.isEmpty {
            let tls = configuration.controlUsesTLS ? try makeTLS() : nil
            listeners.append(try tcp(.control, "controlListen", configuration.controlListen, tls))
        }
        if let path = configuration.controlSocketPath {
            try ControlSocket.prepare(path)
            listeners.append(
                Listener(door: .socket, key: "controlSocket", text: path, address: .unixDomainSocket(path: path), tls: nil))
        }
        if !configuration.metricsListen.isEmpty {
            listeners.append(try tcp(.metrics, "metricsListen", configuration.metricsListen, nil))
        }
        return listeners
    }

    private func tcp(_ door: Door, _ key: String, _ text: String, _ tls: ControlTLS?) throws(GatewayError) -> Listener {
        guard let (host, port) = HostName.split(text), let port else {
            throw GatewayError(configuration: key, text, "is not ADDRESS:PORT", "Write an address, such as 127.0.0.1:7480")
        }
        return Listener(door: door, key: key, text: text, address: .hostname(host, port: port), tls: tls)
    }

    private func makeTLS() throws(GatewayError) -> ControlTLS {
        guard let files = gateway.certificateFiles else { preconditionFailure("a gateway whose control API speaks TLS has a certificate") }
        let tls: ControlTLS
        do {
            tls = try ControlTLS(files, clientCA: configuration.controlClientCA, allowsTLS12: configuration.allowsTLS12)
        } catch {
            throw GatewayError(
                configuration: "controlListen", configuration.controlListen,
                "can't speak TLS with \(files.chain), \(files.key)\(configuration.controlClientCA.isEmpty ? "" : " and \(configuration.controlClientCA)"): \(error)",
                "Check that they are PEM files: certificate chain, its key, issuers of client certificates")
        }
        let logger = logger
        gateway.onReload {
            do { try tls.reload() } catch {
                logger.error("the control API can't use the certificate, the old one stays: \(error)")
            }
        }
        return tls
    }
}
