import HoldfastClient
import HoldfastWire

/// The client library's machine behind the interface of the peers' clients.
final class HoldfastMachine: PeerMachine {
    private var machine: ClientMachine
    private let clients: HoldfastClients
    private let index: Int
    /// The machine wants a connection: what is told of one that it has given up doesn't concern it.
    private var wantsTransport = false

    init(_ clients: HoldfastClients, _ index: Int, _ settings: ClientSettings) {
        self.clients = clients
        self.index = index
        machine = ClientMachine(settings: settings)
    }

    func connectRequested(_ now: PeerNow, _ output: inout PeerOutput) {
        let scratch = clients.scratch
        machine.connectRequested(ClientNow(now), &scratch.actions)
        perform(now, &output)
    }

    func opened(_ now: PeerNow, _ output: inout PeerOutput) {
        guard wantsTransport else { return }
        machine.transportOpened(ClientNow(now), &clients.scratch.actions)
        perform(now, &output)
    }

    func received(_ bytes: Span<UInt8>, _ now: PeerNow, _ output: inout PeerOutput) -> Int {
        guard wantsTransport else { return bytes.count }
        let consumed = machine.received(bytes, ClientNow(now), &clients.scratch.actions)
        perform(now, &output)
        return consumed
    }

    func closed(_ now: PeerNow, _ output: inout PeerOutput) {
        guard wantsTransport else { return }
        wantsTransport = false
        machine.transportClosed(.closedByPeer, ClientNow(now), &clients.scratch.actions)
        perform(now, &output)
    }

    func timerFired(_ now: PeerNow, _ output: inout PeerOutput) {
        machine.timerFired(ClientNow(now), &clients.scratch.actions)
        perform(now, &output)
    }

    func publish(_ id: UInt64, to name: String, _ body: [UInt8], _ now: PeerNow, _ output: inout PeerOutput) {
        do throws(ClientMachine.EnqueueFailure) {
            let own = try machine.send(to: .user(name), kind: .text, body: body, &clients.scratch.actions)
            precondition(own == id, "both count from 1")
        } catch {
            preconditionFailure("the outbox holds more than a window: \(error)")
        }
    }

    func flush(_ now: PeerNow, _ output: inout PeerOutput) {
        machine.flush(ClientNow(now), &clients.scratch.actions)
        perform(now, &output)
    }

    func leave(_ now: PeerNow, _ output: inout PeerOutput) {
        _ = machine.close(.keep, ClientNow(now), &clients.scratch.actions)
        perform(now, &output)
    }

    /// Carries the actions out, in order. Answers to them append further ones.
    private func perform(_ now: PeerNow, _ output: inout PeerOutput) {
        let scratch = clients.scratch
        var next = 0
        while next < scratch.actions.items.count {
            let item = scratch.actions.items[next]
            next += 1
            switch item {
            case .write(let range):
                let bytes = scratch.actions.bytes
                output.bytes.append(bytes.span.extracting(range))
            case .resolved(let id, .stored): output.events.append(.acknowledged(id))
            case .resolved(let id, _): output.events.append(.rejected(id))
            case .handOver(let range): handOver(range, scratch, &output)
            case .armTimer(let at): output.events.append(.armTimer(at: at))
            case .welcomed(let outcome): output.events.append(.ready(resumed: outcome == .resumed))
            case .openTransport:
                wantsTransport = true
                output.events.append(.open(afterMilliseconds: 0))
            case .closeTransport:
                wantsTransport = false
                output.events.append(.close)
            case .needToken: machine.tokenProvided(clients.tokens[index], ClientNow(now), &scratch.actions)
            case .stateChanged(.stopped(let reason)): output.events.append(.trouble("stopped: \(reason)"))
            case .notice(.streamHole): output.events.append(.trouble("hole in the stream"))
            case .notice(.protocolViolation(let code)): output.events.append(.trouble("protocol violation \(code)"))
            case .notice(.serverWentBack): output.events.append(.trouble("gateway went back in time"))
            case .notice(.resynchronised(let cause)): output.events.append(.trouble("new session: \(cause)"))
            case .persist, .sync, .stateChanged, .notice: break
            }
        }
        scratch.actions.removeAll()
    }

    private func handOver(_ range: Range<Int>, _ scratch: HoldfastClients.Scratch, _ output: inout PeerOutput) {
        let bodies = scratch.actions.bodies
        for delivery in scratch.actions.deliveries[range] {
            switch delivery {
            case .message(let message): output.deliver(bodies.span.extracting(message.body))
            case .gap: output.events.append(.trouble("gap"))
            }
        }
    }
}

/// Makes Holdfast's clients.
struct HoldfastClients: PeerClients {
    /// What the machines of one loop use in turn.
    final class Scratch: @unchecked Sendable {
        // Touched on the loop's thread only, and empty between two calls of a machine.
        var actions = ClientActions()
    }

    let tokens: TokenBook
    let scratch = Scratch()
    private let phone = ClientSettings(device: "load", acknowledgesOnReceipt: true, resolvesPeers: false)
    private let sender = ClientSettings(device: "load", isSendOnly: true, acknowledgesOnReceipt: true, resolvesPeers: false)

    init(tokens: TokenBook) { self.tokens = tokens }

    func name(_ index: Int) -> String { tokens.name(index) }

    func machine(_ index: Int, _ role: PeerRole) -> any PeerMachine {
        HoldfastMachine(self, index, role == .phone ? phone : sender)
    }
}

extension ClientNow {
    fileprivate init(_ now: PeerNow) { self.init(milliseconds: now.milliseconds, random: now.random) }
}
