internal import Foundation
internal import HoldfastClient
internal import HoldfastClientTransport
internal import Synchronization

/// A client with all that a command needs around it: it connects, says on standard error what happens, and ends when it must.
final class ClientSession: Sendable {
    /// The client.
    let client: HoldfastClient
    private let transport: LoopTransport
    private let user: String
    private let device: String
    /// What was said since the session was open last.
    private let reported = Mutex<Set<String>>([])
    private let trials = Mutex(TrialReports())
    private let wasConnected = Mutex(false)

    /// Opens a client; it isn't connected yet.
    /// - Parameter stateDirectory: where its state is kept; nil: nowhere.
    init(
        _ options: ClientOptions, user: String, device: String, stateDirectory: String?,
        configure: (inout ClientConfiguration) -> Void
    ) throws(CommandFailure) {
        try Names.checkUser(user, option: "--as")
        try Names.checkDevice(device, option: "--device")
        self.user = user
        self.device = device
        let source = try options.tokenSource(user: user)
        var configuration = ClientConfiguration(endpoint: try options.endpoint(), user: user, device: device)
        configure(&configuration)
        do {
            transport = try LoopTransport()
            if let stateDirectory {
                try StatePath.make(stateDirectory)
                client = try HoldfastClient(configuration: configuration, transport: transport, stateDirectory: stateDirectory) {
                    try await source.token()
                }
            } else {
                client = try HoldfastClient(configuration: configuration, transport: transport, stateStorage: nil) {
                    try await source.token()
                }
            }
        } catch let error as ClientError {
            throw Self.failure(error, stateDirectory)
        } catch let error as CommandFailure {
            throw error
        } catch {
            throw CommandFailure("The client can't start: \(error)", exitCode: CommandFailure.unavailable)
        }
    }

    /// Whether the session was open once.
    var hasConnected: Bool { wasConnected.withLock { $0 } }

    /// Connects and stays connected; returns, with the failure, when the gateway doesn't want this client, or nil after `close`.
    func run() async -> CommandFailure? {
        do throws(ClientError) {
            try await client.connect()
        } catch {
            return stopFailure()
        }
        wasConnected.withLock { $0 = true }
        for await state in client.connectionStates {
            if case .stopped = state { return stopFailure() }
            if state == .connected {
                reported.withLock { $0.removeAll() }
                trials.withLock { $0.connected() }
            }
        }
        return stopFailure()
    }

    /// Says on standard error what goes wrong; the same thing over and over is said once, and now and then that it is so still.
    func reportNotices(_ report: @escaping @Sendable (String) -> Void = { StandardStreams.error("holdfast: \($0)") }) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.reportTrials(report) }
            for await notice in client.notices {
                guard let text = ClientReports.text(notice) else { continue }
                if case .transportFailed = notice { trials.withLock { $0.failed(text, now: .now) } }
                if case .tokenUnavailable = notice { trials.withLock { $0.failed(text, now: .now) } }
                if case .closedByServer = notice { trials.withLock { $0.failed(text, now: .now) } }
                if reported.withLock({ $0.insert(text).inserted }) { report(text) }
            }
            group.cancelAll()
        }
    }

    private func reportTrials(_ report: @Sendable (String) -> Void) async {
        while !Task.isCancelled {
            try? await Task.sleep(for: Self.trialsCheckInterval)
            if !Task.isCancelled, let text = trials.withLock({ $0.report(now: .now) }) { report(text) }
        }
    }

    private static let trialsCheckInterval = Duration.seconds(5)

    /// Ends the client. What was still to be said to the gateway is on its way when it returns.
    func close(_ intent: ClosingIntent) async {
        if intent == .logout {
            // Without a connection the session stays, until it expires.
            do throws(ClientError) { try await client.close(.logout) } catch { try? await client.close(.keep) }
        } else {
            try? await client.close(.keep)
        }
        await transport.settle()
    }

    private func stopFailure() -> CommandFailure? {
        guard case .stopped(let reason) = client.connectionState else { return nil }
        return CommandFailure(ClientReports.text(reason, user: user, device: device), exitCode: CommandFailure.unavailable)
    }

    private static func failure(_ error: ClientError, _ directory: String?) -> CommandFailure {
        let state = "--state \(directory ?? "")"
        switch error.code {
        case .stateInUse:
            return CommandFailure(
                "\(state) is used by another command; wait for it, or use another directory.", exitCode: CommandFailure.file)
        case .stateOfAnother:
            return CommandFailure(
                "\(state) belongs to another user or device: \(error.message). Use another directory.", exitCode: CommandFailure.file)
        case .stateTooNew:
            return CommandFailure(
                "\(state) was written by a newer holdfast: \(error.message). Use that one.", exitCode: CommandFailure.file)
        case .stateUnusable: return CommandFailure("\(state) can't be used: \(error.message).", exitCode: CommandFailure.file)
        default: return CommandFailure(error.message, exitCode: CommandFailure.usage)
        }
    }
}
