import HoldfastClient
import HoldfastWire

/// Messages between phones: who sends how many to whom, how many at a time, and what became of them. On the loop's thread.
///
/// The messages of a stream (one sender, one receiver) are numbered; their content is checked when they come. Streams that belong together are
/// a flow: it goes as fast as its senders' windows let it, or by a schedule.
final class Workload {
    /// One sender and one receiver.
    struct Stream {
        /// The phone.
        let sender: UInt32
        /// The user.
        let receiver: UInt32
        let receiverName: String
        let flow: UInt16
        /// Which stream of its flow it is.
        let place: UInt32
        var ledger = StreamLedger()
    }

    /// Streams that belong together, and how long their messages took, in nanoseconds.
    struct Flow {
        let bodyBytes: Int
        /// Messages of each stream that may be sent; raising it needs `Fleet.refill` of the senders. Of no meaning with a schedule.
        var quota: UInt64 = 0
        /// When the messages of all its streams in turn are due; nil: as soon as windows let them.
        var schedule: Schedule?
        /// How many of `schedule` were due so far.
        var due = 0
        var streams: [UInt32] = []
        /// Nothing more is sent, not even what was due.
        var isEnded = false
        var sent = 0
        var stored = 0
        var delivered = 0
        /// From `SEND`, or from when it was due, to `SENT`.
        var sendTimes = Latencies()
        /// From then to the receiver.
        var deliveryTimes = Latencies()
        /// By how much it was handed to its phone after it was due: this program's own fault.
        var lags = Latencies()
        /// Stored messages by time; see `Course`.
        var course: Course?

        /// Messages of a stream that may be sent by now.
        func allowance(_ place: UInt32) -> UInt64 {
            guard schedule != nil else { return quota }
            let turns = due - Int(place)
            return turns <= 0 ? 0 : UInt64((turns - 1) / streams.count + 1)
        }

        /// Due and not handed to a phone: its window is full, or it isn't connected.
        var overdue: Int { max(0, due - sent) }
    }

    /// What was seen, over all streams.
    struct Totals: Sendable {
        var sent = 0
        var stored = 0
        var refused = 0
        /// The session ended before an answer came.
        var unknown = 0
        var delivered = 0
        var duplicated = 0
        var reordered = 0
        /// Damaged, of another run, never sent, or for another receiver.
        var corrupted = 0
        var lost = 0
    }

    private(set) var totals = Totals()
    var flows: [Flow]
    var isRecording = true
    /// Messages of each stream of the first flow that may be sent.
    var quota: UInt64 {
        get { flows[0].quota }
        set { flows[0].quota = newValue }
    }
    /// Only the first so many streams go on, in the order of `add`.
    var openStreams = Int.max
    /// More than any run sends, and small enough to be multiplied.
    static let unlimited: UInt64 = 1 << 40
    /// Told of each delivery: the receiver.
    var onDelivery: ((_ receiver: Int, _ time: UInt64) -> Void)?
    /// Receivers whose messages nobody has fetched: what is stored for them isn't lost.
    var isAway: ((_ user: Int) -> Bool)?

    private var streams: [Stream] = []
    /// By phone; nil: one that doesn't send.
    private var senders: [Sender?] = []
    private let run: UInt32
    private let window: Int

    /// A sender's streams of one flow, which take turns.
    private struct Lane {
        let flow: Int
        var streams: [UInt32] = []
        var next = 0
    }

    /// What is kept for a phone that sends.
    private final class Sender {
        var lanes: [Lane] = []
        /// Messages with the machine, by number modulo the window: the stream, and when it was sent; 0: none.
        var flights: [(stream: UInt32, number: UInt64, sentAt: UInt64)]
        var flightCount = 0
        var nextID: UInt64 = 1
        init(window: Int) { flights = Array(repeating: (0, 0, 0), count: window) }
    }

    /// With one flow.
    /// - Parameters:
    ///   - window: messages of one sender that may be unanswered at once.
    ///   - bodyBytes: the size of each message.
    ///   - run: tells this run's messages from others'; nil: a new one.
    init(window: Int, bodyBytes: Int, run: UInt32? = nil) {
        self.run = run ?? .random(in: 1 ... .max)
        self.window = window
        flows = [Flow(bodyBytes: bodyBytes)]
    }

    /// Adds a flow, and gives its number.
    func addFlow(bodyBytes: Int) -> Int {
        flows.append(Flow(bodyBytes: bodyBytes))
        return flows.count - 1
    }

    /// Adds a stream; `name` is the receiver's. The first `filled` messages count as sent and stored: a `DirectoryFill` has left them.
    func add(sender: Int, receiver: Int, name: String, flow: Int = 0, filled: Int = 0) {
        while senders.count <= sender { senders.append(nil) }
        let entry = senders[sender] ?? Sender(window: window)
        senders[sender] = entry
        let number = UInt32(streams.count)
        if let lane = entry.lanes.firstIndex(where: { $0.flow == flow }) {
            entry.lanes[lane].streams.append(number)
        } else {
            entry.lanes.append(Lane(flow: flow, streams: [number]))
        }
        let place = UInt32(flows[flow].streams.count)
        streams.append(
            Stream(
                sender: UInt32(sender), receiver: UInt32(receiver), receiverName: name, flow: UInt16(flow), place: place,
                ledger: StreamLedger(filled: UInt64(filled))))
        totals.sent += filled
        totals.stored += filled
        flows[flow].streams.append(number)
    }

    /// Somebody else takes over a sender's place, whose messages are all answered: it has no streams, and its machine counts anew.
    func clear(sender: Int) { if sender < senders.count { senders[sender] = nil } }

    /// What was recorded of the first flow since the last call, or since the start.
    func takeTimes(flow: Int = 0) -> (send: Latencies, delivery: Latencies) {
        defer { (flows[flow].sendTimes, flows[flow].deliveryTimes) = (Latencies(), Latencies()) }
        return (flows[flow].sendTimes, flows[flow].deliveryTimes)
    }

    /// The times of the first flow.
    var sendTimes: Latencies { flows[0].sendTimes }
    var deliveryTimes: Latencies { flows[0].deliveryTimes }

    /// What is known of each stream, in the order of `add`.
    var ledgers: [StreamLedger] { streams.map(\.ledger) }

    /// The phones that send.
    var senderPhones: [Int] { senders.indices.filter { senders[$0] != nil } }

    /// What is known of a stream; they are counted in the order of `add`.
    func ledger(_ stream: Int) -> StreamLedger { streams[stream].ledger }

    /// Counts what has become due of a flow.
    /// - Returns: the senders of it, each named once for each message.
    func takeDue(_ flow: Int, _ now: UInt64) -> [Int] {
        guard let schedule = flows[flow].schedule, !flows[flow].isEnded, !flows[flow].streams.isEmpty else { return [] }
        let count = schedule.dueCount(at: now)
        guard count > flows[flow].due else { return [] }
        let range = flows[flow].due..<count
        flows[flow].due = count
        var phones: [Int] = []
        for number in range {
            if isRecording { flows[flow].lags.record(now - schedule.due(number)) }
            phones.append(Int(streams[Int(flows[flow].streams[number % flows[flow].streams.count])].sender))
        }
        return phones
    }

    /// No further message of a flow is due, or allowed.
    func end(_ flow: Int) {
        flows[flow].quota = 0
        flows[flow].isEnded = true
    }

    /// Whether a phone may be handed messages.
    func wantsRefill(_ phone: Int) -> Bool {
        guard phone < senders.count, let sender = senders[phone], sender.flightCount < window else { return false }
        return sender.lanes.contains { allowed($0) != nil }
    }

    /// Hands a phone's machine as many messages as may be on their way.
    func refill(_ phone: Int, _ machine: inout ClientMachine, _ actions: inout ClientActions) {
        guard phone < senders.count, let sender = senders[phone] else { return }
        for lane in sender.lanes.indices {
            while sender.flights[Int(sender.nextID % UInt64(window))].sentAt == 0, let turn = allowed(sender.lanes[lane]) {
                let stream = sender.lanes[lane].streams[turn]
                sender.lanes[lane].next = turn + 1 == sender.lanes[lane].streams.count ? 0 : turn + 1
                hand(stream, sender, &machine, &actions)
            }
        }
    }

    private func hand(_ stream: UInt32, _ sender: Sender, _ machine: inout ClientMachine, _ actions: inout ClientActions) {
        let flow = Int(streams[Int(stream)].flow)
        let number = streams[Int(stream)].ledger.send()
        // By a schedule it counts as sent when it was due, also when the phone couldn't send it then.
        let time =
            flows[flow].schedule.map { $0.due(Int(number - 1) * flows[flow].streams.count + Int(streams[Int(stream)].place)) }
            ?? Fleet.nanoseconds
        let body = MessageBody(run: run, stream: stream, number: number, sentAt: time).encoded(byteCount: flows[flow].bodyBytes)
        let receiver = streams[Int(stream)].receiverName
        do throws(ClientMachine.EnqueueFailure) {
            sender.nextID = try machine.send(to: .user(receiver), kind: .text, body: body, &actions)
        } catch {
            preconditionFailure("the outbox holds more than a window: \(error)")
        }
        sender.flights[Int(sender.nextID % UInt64(window))] = (stream, number, time)
        sender.nextID += 1
        sender.flightCount += 1
        totals.sent += 1
        flows[flow].sent += 1
    }

    /// Which stream of a lane may go on. They take turns, so that none may if the one whose turn it is may not.
    private func allowed(_ lane: Lane) -> Int? {
        guard !flows[lane.flow].isEnded else { return nil }
        // Closed ones are behind the open ones.
        let turn = Int(lane.streams[lane.next]) < openStreams ? lane.next : 0
        let stream = Int(lane.streams[turn])
        guard stream < openStreams else { return nil }
        return streams[stream].ledger.sent < flows[lane.flow].allowance(streams[stream].place) ? turn : nil
    }

    /// A message's fate is known.
    func resolved(_ phone: Int, _ id: UInt64, _ outcome: SendOutcome) {
        guard phone < senders.count, let sender = senders[phone] else { return }
        let flight = sender.flights[Int(id % UInt64(window))]
        sender.flights[Int(id % UInt64(window))].sentAt = 0
        sender.flightCount -= 1
        switch outcome {
        case .stored:
            totals.stored += 1
            streams[Int(flight.stream)].ledger.store(flight.number)
            let (flow, now) = (Int(streams[Int(flight.stream)].flow), Fleet.nanoseconds)
            flows[flow].stored += 1
            flows[flow].course?.count(now)
            if isRecording { flows[flow].sendTimes.record(now - flight.sentAt) }
        case .refused:
            totals.refused += 1
            streams[Int(flight.stream)].ledger.giveUp(flight.number)
        case .unknown, .withdrawn:
            totals.unknown += 1
            streams[Int(flight.stream)].ledger.giveUp(flight.number)
        }
    }

    /// A message has come to a user.
    func delivered(_ user: Int, _ bytes: Span<UInt8>, _ time: UInt64) {
        guard let body = MessageBody.decode(bytes), body.run == run, Int(body.stream) < streams.count,
            streams[Int(body.stream)].receiver == UInt32(user)
        else {
            totals.corrupted += 1
            return
        }
        switch streams[Int(body.stream)].ledger.deliver(body.number) {
        case .inOrder:
            totals.delivered += 1
            let flow = Int(streams[Int(body.stream)].flow)
            flows[flow].delivered += 1
            if isRecording { flows[flow].deliveryTimes.record(time - body.sentAt) }
            onDelivery?(user, time)
        case .reordered:
            totals.delivered += 1
            totals.reordered += 1
            onDelivery?(user, time)
        case .duplicated: totals.duplicated += 1
        case .unknown: totals.corrupted += 1
        }
    }

    /// The totals with the durable messages that haven't come. Complexity: O(streams).
    var verified: Totals {
        var totals = totals
        for stream in streams where isAway?(Int(stream.receiver)) != true { totals.lost += stream.ledger.lost }
        return totals
    }

    /// Stored messages of some of a flow's streams.
    func storedCount(flow: Int, places: Range<Int>) -> Int {
        places.reduce(0) { $0 + Int(streams[Int(flows[flow].streams[$1])].ledger.stored) }
    }

    /// What is still to come to users of whom it is fetched.
    var undelivered: Int {
        streams.reduce(0) { isAway?(Int($1.receiver)) == true ? $0 : $0 + $1.ledger.lost }
    }
}
