import CLinux
import HoldfastClient
import HoldfastIO
import Synchronization

/// Simulated phones on one event loop: each runs the client library's machine over a connection of its own.
///
/// Confined to the loop's thread once that runs; a scenario reaches it through `FleetDriver`. It is Sendable only for being handed over.
final class Fleet: @unchecked Sendable {
    let loop: EventLoop
    let target: Target
    let tokens: TokenBook
    var phones: [Phone] = []
    var counters = FleetCounters()
    /// Messages that phones send each other, if any.
    var workload: Workload?
    /// Heartbeats outside of the machines, if any.
    var beats: Beats?
    /// When the messages of a storm come, if there is one.
    var arrivals: Arrivals?
    /// Nanoseconds from the beginning of an attempt to `WELCOME`.
    var connectTimes = Latencies()
    /// Why the run can't go on.
    var failure: LoadError?
    /// What is waited for.
    var waits: [FleetWait] = []
    /// Work for the loop's thread, from others.
    let mailbox = Mutex<[@Sendable (Fleet) -> Void]>([])
    let progress = Progress()

    let sources: [SocketAddress]
    var actions = ClientActions()
    var timers = TimerHeap()
    /// The phone of each slot of the loop.
    var owners: [UInt32] = []
    var random = SystemRandomNumberGenerator()
    /// Phones that are to connect.
    var connects = ConnectQueue()
    /// Connections of phones that went without a packet.
    var ghosts: [ConnectionID] = []
    /// How often a phone was told to go.
    var departures = 0
    /// Told of each phone that has had its `WELCOME`, at the end of the loop's iteration: it may send the phone away again.
    var onWelcome: ((Fleet, Int) -> Void)?
    /// Those that it is to be told of.
    var welcomedPhones: [UInt32] = []
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
        phones.reserveCapacity(tokens.count)
        for _ in 0..<count { phones.append(Phone(machine: ClientMachine(settings: settings), flags: .parked)) }
    }

    /// Adds a stream of messages from one phone to another.
    func addStream(from sender: Int, to receiver: Int) { workload?.add(sender: sender, receiver: receiver, name: tokens.name(receiver)) }

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
