import Dispatch
import HoldfastWire
import Synchronization

/// Runs a machine: takes events from any thread, one batch at a time, and carries out what it says. While a batch waits for the disk, the
/// next one gathers: messages sent meanwhile share one sync.
final class ClientDriver: Sendable {
    private struct Mailbox {
        var events: [ClientEvent] = []
        var isScheduled = false
    }

    let states = Broadcast(ConnectionState.disconnected)
    private let mailbox = Mutex(Mailbox())
    private let core: Mutex<ClientCore>
    private let queue = DispatchQueue(label: "holdfast.client")
    private let transport: any ClientTransport
    private let token: @Sendable () async throws -> String

    init(core: consuming sending ClientCore, token: @escaping @Sendable () async throws -> String) {
        transport = core.transport
        self.core = Mutex(core)
        self.token = token
    }

    /// Never waits.
    func post(_ event: ClientEvent) {
        let mustSchedule = mailbox.withLock { mailbox -> Bool in
            mailbox.events.append(event)
            defer { mailbox.isScheduled = true }
            return !mailbox.isScheduled
        }
        if mustSchedule { queue.async { self.drain() } }
    }

    /// What the core knows, asked from outside.
    func read<Value: Sendable>(_ value: @Sendable (borrowing ClientCore) -> Value) -> Value {
        core.withLock { core in value(core) }
    }

    private func drain() {
        while true {
            let events = mailbox.withLock { mailbox -> [ClientEvent] in
                defer { mailbox.events = [] }
                if mailbox.events.isEmpty { mailbox.isScheduled = false }
                return mailbox.events
            }
            if events.isEmpty { return }
            core.withLock { core in core.handle(events, for: self) }
        }
    }

    /// Called by the core. What the transport has received by then is told before.
    func arm(at milliseconds: UInt64, in delay: UInt64) {
        queue.asyncAfter(deadline: .now() + .milliseconds(Int(clamping: delay))) { [weak self] in
            self?.transport.afterEvents { self?.post(.timer(at: milliseconds)) }
        }
    }

    /// Called by the core.
    func fetchToken() {
        Task { [weak self, token] in
            do {
                let token = try await token()
                self?.post(.token(Array(token.utf8)))
            } catch {
                self?.post(.tokenFailed("\(error)"))
            }
        }
    }
}
