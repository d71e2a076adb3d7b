import HoldfastClient
import HoldfastClientTransport
import HoldfastIO
import Synchronization

/// Who attacks a gateway: begins and ends when told to, and tells what happened.
protocol HostileActor: Sendable {
    /// Everything that comes before the first attack.
    func prepare() async throws
    func begin() async throws
    func end() async
    var tally: AttackTally { get async }
    /// Ends for good.
    func stop() async
}

/// An `Attack` on an event loop of its own.
final class LoopActor: HostileActor {
    private let attacker: Attacker
    private let thread: ThreadHandle
    private static let prepareSeconds = 60

    /// - Parameter users: the users that the attacker has tokens for.
    init(_ attack: sending any Attack, _ context: HostileContext, users: Int) async throws {
        let tokens = try await TokenBook(count: users, origin: context.target.tokens)
        attacker = try Attacker(
            target: context.target, tlsAddress: context.tlsAddress, controlAddress: context.controlAddress, tokens: tokens, attack: attack)
        thread = try attacker.loop.start()
    }

    func prepare() async throws {
        await attacker.perform { $0.prepare() }
        for _ in 0..<Self.prepareSeconds * 10 {
            if await attacker.perform({ $0.isPrepared }) { return }
            try await Task.sleep(for: .milliseconds(100))
        }
        throw LoadError("the attack couldn't be prepared: \(await tally.answers)")
    }

    func begin() async throws { await attacker.perform { $0.begin() } }

    func end() async { await attacker.perform { $0.end() } }

    var tally: AttackTally {
        get async { await attacker.perform { $0.tally } }
    }

    func stop() async {
        attacker.loop.stop()
        thread.join()
    }
}

/// Two phones with one device name, each a whole client of the library: each that connects takes the session from the other.
final class TwoPhones: HostileActor {
    private let target: Target
    private let isImpatient: Bool
    private let token: [UInt8]
    private let user: String
    private let transport: LoopTransport
    private let counts = Mutex(AttackTally())
    private let running = Mutex<[(client: HoldfastClient, watch: Task<Void, Never>)]>([])

    /// - Parameter isImpatient: the app calls `connect` again as soon as its client is stopped, which it is told not to do.
    init(target: Target, isImpatient: Bool) async throws {
        self.target = target
        self.isImpatient = isImpatient
        let tokens = try await TokenBook(count: 1, origin: target.tokens)
        token = tokens[0]
        user = tokens.name(0)
        transport = try LoopTransport()
    }

    func prepare() async throws {}

    func begin() async throws {
        for _ in 0..<2 {
            let client = try makeClient()
            let states = client.connectionStates
            let watch = Task { await self.watch(client, states) }
            running.withLock { $0.append((client, watch)) }
            _ = try? await client.connect()
        }
    }

    func end() async {
        let all = running.withLock { running in
            defer { running = [] }
            return running
        }
        for (client, watch) in all {
            watch.cancel()
            try? await client.close(.keep)
            await watch.value
        }
    }

    var tally: AttackTally {
        get async { counts.withLock { $0 } }
    }

    func stop() async { await transport.settle() }

    private func makeClient() throws -> HoldfastClient {
        let (host, port) = try SocketAddress.split(target.address.description)
        let configuration = ClientConfiguration(endpoint: ClientEndpoint(host: host, port: port), user: user, device: "shared")
        let token = String(decoding: token, as: UTF8.self)
        return try HoldfastClient(configuration: configuration, transport: transport, stateStorage: nil) { token }
    }

    private func watch(_ client: HoldfastClient, _ states: AsyncStream<ConnectionState>) async {
        for await state in states {
            switch state {
            case .connected:
                counts.withLock { counts in
                    counts.units += 1
                    counts.count("welcome")
                }
            case .stopped(let reason):
                counts.withLock { $0.count("\(reason)") }
                if isImpatient && !Task.isCancelled { Task { _ = try? await client.connect() } }
            default: break
            }
        }
    }
}
