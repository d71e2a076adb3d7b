internal import HoldfastGateway
internal import NIOCore
internal import ServiceLifecycle
internal import Synchronization

/// A listener's service, whose failure says which key of the configuration it comes from.
struct NamedService: Service {
    let key: String
    let text: String
    let service: any Service

    func run() async throws {
        do { try await service.run() } catch {
            throw ListenFailure(description: "\(key): can't listen at \(text): \(error). Name another address, or stop who has it.")
        }
    }
}

/// An address that can't be listened at.
struct ListenFailure: Error, CustomStringConvertible {
    let description: String
}

/// The addresses of listeners that are opened one by one, for the one who waits for all of them.
final class Bound: Sendable {
    private struct State {
        var missing: Int
        var addresses = BoundControl()
        var failure: (any Error)?
        var waiter: CheckedContinuation<BoundControl, any Error>?
        var isDone: Bool { missing == 0 || failure != nil }
        var result: Result<BoundControl, any Error> { failure.map { .failure($0) } ?? .success(addresses) }
    }

    private let state: Mutex<State>

    /// - Parameter count: of the listeners.
    init(count: Int) { state = Mutex(State(missing: count)) }

    /// A listener is open.
    func add(_ door: Door, _ address: SocketAddress?) {
        change { state in
            let text = address.flatMap { address in address.ipAddress.map { HostName.join($0, address.port ?? 0) } ?? address.pathname }
            switch door {
            case .control: state.addresses.control = text
            case .socket: state.addresses.socket = text
            case .metrics: state.addresses.metrics = text
            }
            state.missing -= 1
        }
    }

    /// A listener can't be opened.
    func fail(_ error: any Error) { change { $0.failure = error } }

    private func change(_ body: (inout State) -> Void) {
        let waiter = state.withLock { state in
            body(&state)
            defer { if state.isDone { state.waiter = nil } }
            return state.isDone ? state.waiter.map { ($0, state.result) } : nil
        }
        if let (waiter, result) = waiter { waiter.resume(with: result) }
    }

    /// All addresses, as soon as every listener is open.
    func addresses() async throws -> BoundControl {
        try await withCheckedThrowingContinuation { continuation in
            let result = state.withLock { state in
                if !state.isDone { state.waiter = continuation }
                return state.isDone ? state.result : nil
            }
            if let result { continuation.resume(with: result) }
        }
    }
}

extension GatewayError {
    /// A value of the configuration that can't be used.
    init(configuration key: String, _ value: String, _ problem: String, _ advice: String) {
        self.init(ConfigurationError(source: "configuration", key: key, value: value, problem: problem, advice: advice))
    }
}
