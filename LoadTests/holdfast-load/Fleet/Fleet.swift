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
    /// Phones that come at a rate of their own, if they do.
    var openArrivals: OpenArrivals?
    /// Nanoseconds from the beginning of an attempt to `WELCOME`.
    var connectTimes = Latencies()
    /// Told of each `WELCOME`: the phone.
    var onWelcome: ((Int) -> Void)?
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
    private var connectList: [UInt32] = []
    private var connectNext = 0
    private var connectsInFlightMax = Int.max
    private var openingCount = 0

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

    /// Switches phones on: they connect in this order, at most `inFlightMax` at a time between `connect` and `WELCOME`.
    func connect(_ range: Range<Int>, inFlightMax: Int) {
        if connectNext == connectList.count {
            connectList.removeAll(keepingCapacity: true)
            connectNext = 0
        }
        connectList.append(contentsOf: range.map(UInt32.init))
        connectsInFlightMax = inFlightMax == 0 ? .max : inFlightMax
        startConnects()
    }

    /// Adds a stream of messages from one phone to another.
    /// - Parameter filled: the first ones, which wait for the receiver already.
    func addStream(from sender: Int, to receiver: Int, filled: Int = 0) {
        workload?.add(sender: sender, receiver: receiver, name: tokens.name(receiver), filled: filled)
    }

    /// Lets each stream go on to its `count`th message.
    func send(upTo count: UInt64) {
        guard let workload else { return }
        workload.quota = count
        for index in workload.senderPhones where phones[index].flags.contains(.connected) { refill(index, workload) }
    }

    /// Phones vanish at once: their connections are reset, and they stay away until told to connect.
    func drop(_ range: Range<Int>) {
        for index in range {
            phones[index].flags.insert(.parked)
            guard phones[index].connection != 0 else { continue }
            release(index, flush: false)
            drive(index) { machine, now, actions in machine.transportClosed(.broken("dropped"), now, &actions) }
        }
    }

    /// Starts as many attempts as may be in flight.
    func startConnects() {
        while connectNext < connectList.count && openingCount < connectsInFlightMax && failure == nil {
            let index = Int(connectList[connectNext])
            connectNext += 1
            openingCount += 1
            phones[index].flags.remove(.parked)
            phones[index].flags.insert(.opening)
            if phones[index].timerAt != .max { timers.insert(.init(at: phones[index].timerAt, phone: UInt32(index))) }
            drive(index) { machine, now, actions in machine.connectRequested(now, &actions) }
        }
    }

    /// The attempt of a phone is over, one way or the other.
    func finishAttempt(_ index: Int) {
        guard phones[index].flags.contains(.opening) else { return }
        phones[index].flags.remove(.opening)
        openingCount -= 1
    }

    /// Gives a phone's connection up.
    func release(_ index: Int, flush: Bool) {
        let id = ConnectionID(rawValue: phones[index].connection)
        phones[index].connection = 0
        phones[index].flags.remove([.beating, .introducing])
        loop.close(id, flush: flush, reset: !flush)
    }

    /// Ends the run with a reason; the first one counts.
    func fail(_ text: String) {
        if failure == nil { failure = LoadError(text) }
    }
}
