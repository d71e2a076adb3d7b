import CLinux
import HoldfastIO
import Synchronization

/// The clients of any server on one event loop, ours or a peer's: machines, connections, timers, traffic.
///
/// Confined to the loop's thread once that runs; a scenario reaches it through `PeerDriver`. It is Sendable only for being handed over.
final class PeerFleet: @unchecked Sendable {
    let loop: EventLoop
    let target: PeerTarget
    var phones: [Phone] = []
    var counters = Counters()
    var traffic: PeerTraffic?
    /// When the messages of a storm come, if there is one.
    var arrivals: Arrivals?
    /// Nanoseconds from being told to come online to being so.
    var connectTimes = Latencies()
    /// That of the server; nil when it may end.
    var life: PeerLife?
    /// Why the run can't go on.
    var failure: LoadError?
    var waits: [FleetWait<PeerFleet>] = []
    let mailbox = Mutex<[@Sendable (PeerFleet) -> Void]>([])

    let sources: [SocketAddress]
    var output = PeerOutput()
    var timers = TimerHeap()
    var owners: [UInt32] = []
    var random = SystemRandomNumberGenerator()
    private var connectList: [UInt32] = []
    private var connectNext = 0
    private var connectsInFlightMax = Int.max
    var openingCount = 0
    private var isVisit = false

    init(target: PeerTarget) throws {
        var configuration = EventLoopConfiguration()
        configuration.name = "phones"
        configuration.connectTimeoutMilliseconds = 130_000
        // A sender's window of the largest messages, and a peer that stops reading for a while.
        configuration.unsentBytesMax = 64 << 20
        configuration.stallTimeoutMilliseconds = 120_000
        configuration.keptBytesMax = 4 << 20
        loop = try EventLoop(configuration)
        self.target = target
        sources = target.sources
        loop.delegate = self
    }

    /// Monotonic nanoseconds.
    static var nanoseconds: UInt64 { clinux_monotonic_nanoseconds() }

    var now: PeerNow { PeerNow(milliseconds: loop.now, random: random.next()) }

    /// Adds a phone that is switched off.
    func add(_ machine: any PeerMachine) { phones.append(Phone(machine: machine)) }

    /// Switches phones on, in this order, at most `inFlightMax` at a time until they are ready; 0: all at once.
    /// - Parameter visits: each is switched off again as soon as it is ready.
    func connect(_ range: Range<Int>, inFlightMax: Int, visits: Bool = false) {
        if connectNext == connectList.count {
            connectList.removeAll(keepingCapacity: true)
            connectNext = 0
        }
        connectList.append(contentsOf: range.map(UInt32.init))
        connectsInFlightMax = inFlightMax == 0 ? .max : inFlightMax
        isVisit = visits
        startConnects()
    }

    /// Phones vanish: their connections are reset, and they stay away until told to connect.
    func drop(_ range: Range<Int>) {
        for index in range { switchOff(index, cleanly: false) }
    }

    /// Lets each stream go on to its `count`th message.
    func send(upTo count: UInt64) {
        guard let traffic else { return }
        traffic.quota = count
        for index in traffic.senderPhones where phones[index].flags.contains(.ready) { refill(index) }
    }

    /// Ends the run with a reason; the first one counts.
    func fail(_ text: String) {
        if failure == nil { failure = LoadError(text) }
    }

    /// Counts what must not happen.
    func trouble(_ name: String) { counters.troubles[name, default: 0] += 1 }

    func startConnects() {
        while connectNext < connectList.count && openingCount < connectsInFlightMax && failure == nil {
            let index = Int(connectList[connectNext])
            connectNext += 1
            openingCount += 1
            phones[index].flags.remove(.parked)
            phones[index].flags.insert(isVisit ? [.opening, .visiting] : .opening)
            phones[index].attemptedAt = Self.nanoseconds
            if phones[index].timerAt != .max { timers.insert(.init(at: phones[index].timerAt, phone: UInt32(index))) }
            drive(index) { $0.connectRequested($1, &$2) }
        }
    }

    func switchOff(_ index: Int, cleanly: Bool) {
        if cleanly && phones[index].connection != 0 { drive(index) { $0.leave($1, &$2) } }
        phones[index].flags.insert(.parked)
        phones[index].openAt = .max
        guard phones[index].connection != 0 else { return finishAttempt(index) }
        loop.close(ConnectionID(rawValue: phones[index].connection), flush: cleanly, reset: !cleanly)
        lose(index)
    }

    /// A phone's connection is no more.
    func lose(_ index: Int) {
        phones[index].connection = 0
        if phones[index].flags.contains(.ready) { counters.ready -= 1 }
        phones[index].flags.remove(.ready)
        finishAttempt(index)
        drive(index) { $0.closed($1, &$2) }
    }

    func finishAttempt(_ index: Int) {
        guard phones[index].flags.contains(.opening) else { return }
        phones[index].flags.remove(.opening)
        openingCount -= 1
    }
}
