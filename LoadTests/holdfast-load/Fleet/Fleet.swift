import CLinux
import HoldfastClient
import HoldfastIO
import HoldfastTestSupport
import Synchronization

/// Simulated phones on one event loop: each runs the client library's machine over a connection of its own.
///
/// Confined to the loop's thread once that runs; a scenario reaches it through `FleetDriver`. It is Sendable only for being handed over.
final class Fleet: @unchecked Sendable {
    let loop: EventLoop
    let target: Target
    var tokens: TokenBook
    var phones: [Phone] = []
    var counters = FleetCounters()
    /// Messages that phones send each other, if any.
    var workload: Workload?
    /// Heartbeats outside of the machines, if any.
    var beats: Beats?
    /// What the phones of a storm get and when, if there is one.
    var arrivals: Arrivals?
    /// Nanoseconds from the beginning of an attempt to `WELCOME`, of phones that simply connect.
    var connectTimes: Latencies {
        get { queues[0].times }
        set { queues[0].times = newValue }
    }
    /// Why the run can't go on.
    var failure: LoadError?
    /// What is waited for.
    var waits: [FleetWait<Fleet>] = []
    /// Work for the loop's thread, from others.
    let mailbox = Mutex<[@Sendable (Fleet) -> Void]>([])
    let progress = Progress()

    let sources: [SocketAddress]
    var actions = ClientActions()
    var timers = TimerHeap()
    /// The phone of each slot of the loop.
    var owners: [UInt32] = []
    /// For jitter only: the system's generator would be a call of the kernel for each event.
    var random = SeededRandom(seed: .random(in: .min ... .max))
    /// Phones that are to connect; the first queue is that of phones which simply connect.
    var queues = [ConnectQueue()]
    /// Users who are away, if there are any.
    var away: AwayUsers?
    /// Users who come once, if there are any.
    var newcomers: Newcomers?
    /// Deliveries of earlier runs, while these are taken away; nil: this run's own are wanted.
    var leftovers: Int?
    /// Phones that have something to do at the end of the loop's iteration.
    var movers: [UInt32] = []
    /// Connections of phones that went without a packet.
    var ghosts: [ConnectionID] = []
    /// Phones say nothing: a connection that is up, TLS included, counts as welcomed.
    var isBare = false

    init(target: Target, tokens: TokenBook) throws {
        var configuration = EventLoopConfiguration()
        configuration.name = "phones"
        // The machine's own limit comes first.
        configuration.connectTimeoutMilliseconds = 60_000
        loop = try EventLoop(configuration)
        self.target = target
        self.tokens = tokens
        sources = target.sources
        loop.delegate = self
    }

    /// What a machine is told with an event.
    var now: ClientNow { ClientNow(milliseconds: loop.now, random: random.next()) }

    /// Monotonic nanoseconds.
    static var nanoseconds: UInt64 { clinux_monotonic_nanoseconds() }

    /// Adds phones that are switched off.
    func add(_ count: Int, _ settings: ClientSettings) {
        phones.reserveCapacity(max(tokens.count, phones.count + count))
        for _ in 0..<count {
            phones.append(Phone(machine: ClientMachine(settings: settings), user: UInt32(phones.count), flags: .parked))
        }
    }

    /// Adds a stream of messages from a phone to a user; the user of a phone has its number.
    /// - Parameter filled: the first ones, which wait for the receiver already.
    func addStream(from sender: Int, to receiver: Int, flow: Int = 0, filled: Int = 0) {
        workload?.add(sender: sender, receiver: receiver, name: tokens.name(receiver), flow: flow, filled: filled)
    }

    /// Hands phones what is due.
    func sendDue() {
        guard let workload else { return }
        let time = Self.nanoseconds
        for flow in workload.flows.indices where workload.flows[flow].schedule != nil {
            for index in workload.takeDue(flow, time) where phones[index].flags.contains(.connected) && workload.wantsRefill(index) {
                refill(index, workload)
            }
        }
    }

    /// Lets each stream go on to its `count`th message.
    func send(upTo count: UInt64) {
        guard let workload else { return }
        workload.quota = count
        for index in workload.senderPhones where phones[index].flags.contains(.connected) { refill(index, workload) }
    }

    /// Ends the run with a reason; the first one counts.
    func fail(_ text: String) {
        if failure == nil { failure = LoadError(text) }
    }
}
