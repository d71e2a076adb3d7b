import CLinux
import HoldfastIO
import Synchronization

/// The clients of any server on one event loop, ours or a peer's: machines, connections, timers, traffic.
///
/// Confined to the loop's thread once that runs; a scenario reaches it through `PeerDriver`. It is Sendable only for being handed over.
final class PeerFleet: @unchecked Sendable {
    /// One phone.
    struct Phone {
        let machine: any PeerMachine
        /// `ConnectionID.rawValue` of its connection; 0: none.
        var connection: UInt64 = 0
        /// When its machine wants to be called; `.max`: not.
        var timerAt: UInt64 = .max
        /// When it connects next; `.max`: not.
        var openAt: UInt64 = .max
        /// Nanoseconds of the monotonic clock at which it was told to come online.
        var attemptedAt: UInt64 = 0
        var flags: Flags = [.parked]
    }

    /// Small yes-or-no state of a phone.
    struct Flags: OptionSet {
        let rawValue: UInt8
        /// Switched off.
        static let parked = Flags(rawValue: 1)
        static let ready = Flags(rawValue: 2)
        /// Counts against the connects in flight.
        static let opening = Flags(rawValue: 4)
        /// It is switched off as soon as it is ready.
        static let visiting = Flags(rawValue: 8)
    }

    /// What happened to the connections.
    struct Counters: Sendable {
        /// Phones that are online.
        var ready = 0
        /// Times that a phone came online, with what it had and without.
        var resumed = 0
        var begun = 0
        var connectFailures = 0
        /// Connections that ended without the phone having wanted it.
        var disconnects = 0
        /// What must not happen, by name.
        var troubles: [String: Int] = [:]
    }

    let loop: EventLoop
    let target: PeerTarget
    var phones: [Phone] = []
    var counters = Counters()
    var traffic: PeerTraffic?
    /// When the messages of a storm come, if there is one.
    var arrivals: Arrivals?
    /// Nanoseconds from being told to come online to being so.
    var connectTimes = Latencies()
    /// Why the run can't go on.
    var failure: LoadError?
    var waits: [PeerWait] = []
    let mailbox = Mutex<[@Sendable (PeerFleet) -> Void]>([])

    private let sources: [SocketAddress]
    private var output = PeerOutput()
    /// A machine may be called from what another one's output brings about, not while its own is looked at.
    private var timers = TimerHeap()
    private var owners: [UInt32] = []
    private var random = SystemRandomNumberGenerator()
    private var connectList: [UInt32] = []
    private var connectNext = 0
    private var connectsInFlightMax = Int.max
    private var openingCount = 0
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

    private var now: PeerNow { PeerNow(milliseconds: loop.now, random: random.next()) }

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

    private func startConnects() {
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

    private func switchOff(_ index: Int, cleanly: Bool) {
        if cleanly && phones[index].connection != 0 { drive(index) { $0.leave($1, &$2) } }
        phones[index].flags.insert(.parked)
        phones[index].openAt = .max
        guard phones[index].connection != 0 else { return finishAttempt(index) }
        loop.close(ConnectionID(rawValue: phones[index].connection), flush: cleanly, reset: !cleanly)
        lose(index)
    }

    /// A phone's connection is no more.
    private func lose(_ index: Int) {
        phones[index].connection = 0
        if phones[index].flags.contains(.ready) { counters.ready -= 1 }
        phones[index].flags.remove(.ready)
        finishAttempt(index)
        drive(index) { $0.closed($1, &$2) }
    }

    private func finishAttempt(_ index: Int) {
        guard phones[index].flags.contains(.opening) else { return }
        phones[index].flags.remove(.opening)
        openingCount -= 1
    }

    // MARK: what machines want

    private func drive(_ index: Int, _ event: (any PeerMachine, PeerNow, inout PeerOutput) -> Void) {
        var output = takeOutput()
        event(phones[index].machine, now, &output)
        finish(index, &output)
    }

    /// Hands a phone the messages that it may send now.
    private func refill(_ index: Int) {
        var output = takeOutput()
        fill(index, &output)
        finish(index, &output)
    }

    private func fill(_ index: Int, _ output: inout PeerOutput) {
        guard let traffic, phones[index].flags.contains(.ready), traffic.wantsRefill(index) else { return }
        let now = self.now
        let machine = phones[index].machine
        traffic.refill(index) { id, name, body in machine.publish(id, to: name, body, now, &output) }
        machine.flush(now, &output)
    }

    // The memory is used again; an event that comes of another one gets memory of its own.
    private func takeOutput() -> PeerOutput {
        var taken = PeerOutput()
        swap(&taken, &output)
        return taken
    }

    private func finish(_ index: Int, _ output: inout PeerOutput) {
        var next = 0
        while next < output.events.count {
            let event = output.events[next]
            next += 1
            perform(event, index, &output)
            // Answers make room for more.
            if next == output.events.count { fill(index, &output) }
        }
        write(index, &output)
        if phones[index].flags.contains(.visiting), phones[index].flags.contains(.ready) {
            phones[index].flags.remove(.visiting)
            switchOff(index, cleanly: true)
        }
        output.removeAll()
        swap(&self.output, &output)
    }

    private func write(_ index: Int, _ output: inout PeerOutput) {
        if !output.bytes.isEmpty, phones[index].connection != 0 {
            let bytes = output.bytes
            loop.send(ConnectionID(rawValue: phones[index].connection), bytes.span)
        }
        output.bytes.removeAll(keepingCapacity: true)
    }

    private func perform(_ event: PeerEvent, _ index: Int, _ output: inout PeerOutput) {
        switch event {
        case .open(let pause): open(index, pause)
        case .close:
            guard phones[index].connection != 0 else { return }
            write(index, &output)
            loop.close(ConnectionID(rawValue: phones[index].connection), flush: true)
            lose(index)
        case .armTimer(let at):
            phones[index].timerAt = at
            if at != .max && !phones[index].flags.contains(.parked) { timers.insert(.init(at: at, phone: UInt32(index))) }
        case .ready(let resumed): becameReady(index, resumed)
        case .acknowledged(let id): traffic?.acknowledged(index, id)
        case .rejected(let id): traffic?.rejected(index, id)
        case .delivered(let range):
            guard let traffic else { return trouble("delivery without a sender") }
            let bodies = output.bodies
            traffic.delivered(index, bodies.span.extracting(range), Self.nanoseconds)
        case .trouble(let name): trouble(name)
        }
    }

    private func becameReady(_ index: Int, _ resumed: Bool) {
        guard !phones[index].flags.contains(.ready) else { return trouble("ready twice") }
        phones[index].flags.insert(.ready)
        counters.ready += 1
        if resumed { counters.resumed += 1 } else { counters.begun += 1 }
        connectTimes.record(Self.nanoseconds - phones[index].attemptedAt)
        finishAttempt(index)
    }

    private func open(_ index: Int, _ pause: UInt32) {
        guard !phones[index].flags.contains(.parked), phones[index].connection == 0 else { return }
        guard pause == 0 else {
            phones[index].openAt = loop.now + UInt64(pause) + random.next() % UInt64(pause)
            timers.insert(.init(at: phones[index].openAt, phone: UInt32(index)))
            return
        }
        phones[index].openAt = .max
        let source = sources.isEmpty ? nil : sources[index % sources.count]
        do throws(IOError) {
            let id = try loop.connect(to: target.address, from: source, tls: target.tls, userData: UInt64(index))
            phones[index].connection = id.rawValue
            while owners.count <= Int(id.slot) { owners.append(0) }
            owners[Int(id.slot)] = UInt32(index)
        } catch {
            fail("phone \(index) can't connect: \(error). \(Limits.advice)")
        }
    }
}

extension PeerFleet: EventLoopDelegate {
    func opened(_ id: ConnectionID, _ info: ConnectionInfo) {
        let index = Int(info.userData)
        guard phones[index].connection == id.rawValue else { return loop.close(id, flush: false) }
        drive(index) { $0.opened($1, &$2) }
    }

    func connectFailed(_ id: ConnectionID, _ info: ConnectionInfo, _ error: ConnectError) {
        let index = Int(info.userData)
        guard phones[index].connection == id.rawValue else { return }
        counters.connectFailures += 1
        if case .tls(let text) = error { fail("the TLS handshake failed: \(text)") }
        lose(index)
    }

    func received(_ id: ConnectionID, _ bytes: Span<UInt8>) -> Int {
        let index = Int(owners[Int(id.slot)])
        guard phones[index].connection == id.rawValue else { return bytes.count }
        var output = takeOutput()
        let consumed = phones[index].machine.received(bytes, now, &output)
        finish(index, &output)
        return consumed
    }

    func closed(_ id: ConnectionID, _ reason: DisconnectReason) {
        let index = Int(owners[Int(id.slot)])
        guard phones[index].connection == id.rawValue else { return }
        if reason != .requested { counters.disconnects += 1 }
        lose(index)
    }

    func deadlineReached(_ id: ConnectionID) {}

    func woken() {
        let work = mailbox.withLock { mailbox in
            let work = mailbox
            mailbox.removeAll()
            return work
        }
        for item in work { item(self) }
    }

    func ticked(_ now: UInt64) {
        while let entry = timers.popDue(now) {
            let index = Int(entry.phone)
            if phones[index].openAt == entry.at { open(index, 0) }
            // Out of date, or switched off meanwhile.
            guard phones[index].timerAt == entry.at, !phones[index].flags.contains(.parked) else { continue }
            phones[index].timerAt = .max
            drive(index) { $0.timerFired($1, &$2) }
        }
        checkWaits(now, isTick: true)
    }

    func iterationEnded() {
        startConnects()
        checkWaits(loop.now, isTick: false)
    }
}
