internal import ArgumentParser
internal import Foundation
internal import HoldfastControl
internal import HoldfastGateway
internal import Logging

/// `holdfast serve`.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Runs a gateway until SIGTERM or SIGINT.",
        discussion: """
            Prints one line, "ready tcp=ADDR:PORT tls=ADDR:PORT control=ADDR:PORT", on standard output once it serves; with several \
            listeners of a kind they are separated by commas, and "-" stands for none. Logs go to standard error. A first start makes \
            the data directory, a development key and a self-signed certificate, and says so.

            SIGTERM and SIGINT: clients are asked to leave, everything is stored, exit code 0; a second signal cuts the time \
            short. SIGHUP: certificate, key and token keys (tokenKeySetFile) are read again, the audit file is opened again. Other \
            exit codes: holdfast --help.

            A data directory of an earlier version is refused (exit code 79) with what its migration takes, and changed when --migrate is given. \
            A migration that was interrupted goes on at the next start.

            EXAMPLE
              holdfast serve --data /var/lib/holdfast --tls-listen 0.0.0.0:7443
              holdfast serve --config /etc/holdfast.yaml
            """)

    @Option(help: ArgumentHelp("The data directory: journal, store, keys. (default: ./holdfast-data)", valueName: "dir"))
    var data: String?

    @Option(
        help: ArgumentHelp(
            "Plaintext listener; may be repeated; \"\" for none; port 0 takes a free one. (default: 127.0.0.1:7400)",
            valueName: "host:port"))
    var listen: [String] = []

    @Option(
        help: ArgumentHelp(
            "TLS listener; may be repeated; \"\" for none; port 0 takes a free one. (default: 127.0.0.1:7443)", valueName: "host:port"))
    var tlsListen: [String] = []

    @Option(
        help: ArgumentHelp(
            "The control API's listener (HTTP); \"\" for none; port 0 takes a free one. (default: 127.0.0.1:7480)", valueName: "host:port"))
    var controlListen: String?

    @Option(help: ArgumentHelp("Configuration file; options of the command line win over it.", valueName: "file"))
    var config: String?

    @Flag(help: "Let --listen name addresses beyond loopback: for a gateway behind a balancer that does TLS.")
    var allowPlaintext = false

    @Flag(help: "Change a data directory of an earlier version to this version's format first. The only way back is a backup.")
    var migrate = false

    @Option(help: ArgumentHelp("What is logged: \(LogLevel.allCases.map(\.rawValue).joined(separator: ", ")).", valueName: "level"))
    var logLevel = LogLevel.info

    /// Serves until it is told to stop.
    func run() async throws {
        let configuration: Configuration
        do throws(ConfigurationError) {
            configuration = try makeConfiguration()
        } catch {
            throw CommandFailure("\(error)", exitCode: GatewayError(error).exitCode)
        }
        let log: LogWriter
        do { log = try LogWriter(descriptor: STDERR_FILENO) } catch {
            throw CommandFailure("\(error)", exitCode: CommandFailure.unavailable)
        }
        defer { log.flush(milliseconds: Self.flushMilliseconds) }
        let logger = Logger(label: "holdfast") { _ in LineLogHandler(logLevel.level, log) }
        let library = LibraryMetrics.install()
        let gateway = Gateway(configuration: configuration, logger: logger, migrates: migrate)
        do {
            // Watched from the start on: a signal during a long replay is heeded after it, and doesn't kill.
            let watcher = try gateway.watchSignals()
            let bound = try await gateway.start()
            let control = try await startControl(of: gateway, configuration, library, logger)
            do throws(CommandFailure) {
                try StandardStreams.output(
                    line: Self.readyLine(tcp: bound.tcp.map { "\($0)" }, tls: bound.tls.map { "\($0)" }, control: control.control))
            } catch {
                // Who doesn't read that line can still send messages.
                let reason = error.message.isEmpty ? "Standard output has no reader." : error.message
                logger.warning("The ready line can't be written, and the gateway goes on without it. \(reason)")
            }
            let code = await gateway.waitUntilStopped()
            withExtendedLifetime(watcher) {}
            if code != 0 { throw CommandFailure("", exitCode: code) }
        } catch let error as GatewayError {
            throw CommandFailure(error.description, exitCode: error.exitCode)
        }
    }

    /// What is printed once a resume would be served.
    static func readyLine(tcp: [String], tls: [String], control: String?) -> String {
        func list(_ addresses: [String]) -> String { addresses.isEmpty ? "-" : addresses.joined(separator: ",") }
        return "ready tcp=\(list(tcp)) tls=\(list(tls)) control=\(control ?? "-")"
    }

    /// Opens the control API of a gateway that serves; where that fails, the gateway stops.
    private func startControl(
        of gateway: Gateway, _ configuration: Configuration, _ library: LibraryMetrics, _ logger: Logger
    ) async throws(GatewayError) -> BoundControl {
        do throws(GatewayError) {
            return try await ControlServer(gateway: gateway, configuration: configuration, library: library, logger: logger).start()
        } catch {
            gateway.beginDrain()
            // At once: the phones that have come meanwhile come back to a gateway that starts.
            gateway.beginDrain()
            _ = await gateway.waitUntilStopped()
            throw error
        }
    }

    private func makeConfiguration() throws(ConfigurationError) -> Configuration {
        var configuration = try config.map { (path) throws(ConfigurationError) in try Configuration(file: path) } ?? Configuration()
        if let data { configuration.data = data }
        if !listen.isEmpty { configuration.listen = listen.filter { !$0.isEmpty } }
        if !tlsListen.isEmpty { configuration.tlsListen = tlsListen.filter { !$0.isEmpty } }
        if let controlListen { configuration.controlListen = controlListen }
        if allowPlaintext { configuration.allowPlaintext = true }
        try configuration.check(source: "command line")
        return configuration
    }

    /// What the end of the log may take where nobody reads it.
    private static let flushMilliseconds = 500
}

/// The levels of the log, from much to little.
enum LogLevel: String, CaseIterable, ExpressibleByArgument {
    case trace, debug, info, notice, warning, error, critical

    /// The library's.
    var level: Logger.Level {
        switch self {
        case .trace: .trace
        case .debug: .debug
        case .info: .info
        case .notice: .notice
        case .warning: .warning
        case .error: .error
        case .critical: .critical
        }
    }
}
