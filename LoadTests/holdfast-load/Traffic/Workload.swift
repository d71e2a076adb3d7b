import HoldfastClient
import HoldfastWire

/// Messages between phones: who sends how many to whom, how many at a time, and what became of them. On the loop's thread.
///
/// The messages of a stream (one sender, one receiver) are numbered; their content is checked when they come.
final class Workload {
    /// One sender and one receiver.
    struct Stream {
        let receiver: UInt32
        let receiverName: String
        var ledger = StreamLedger()
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
    /// How long `SENT` and the delivery took, in nanoseconds; while `isRecording`.
    private(set) var sendTimes = Latencies()
    private(set) var deliveryTimes = Latencies()
    var isRecording = true
    /// Messages of each stream that may be sent; raising it needs `Fleet.refill` of the senders.
    var quota: UInt64 = 0
    /// Only the first so many streams go on, in the order of `add`.
    var openStreams = Int.max
    /// More than any run sends, and small enough to be multiplied.
    static let unlimited: UInt64 = 1 << 40
    /// Told of each delivery: the receiver.
    var onDelivery: ((_ receiver: Int, _ time: UInt64) -> Void)?

    private var streams: [Stream] = []
    private var senders: [Int: Sender] = [:]
    private let run: UInt32
    private let window: Int
    private let bodyBytes: Int

    /// What is kept for a phone that sends.
    private final class Sender {
        var streams: [UInt32] = []
        /// Where the search for a stream that may go on begins.
        var next = 0
        /// Messages with the machine, by number modulo the window: the stream, and when it was sent; 0: none.
        var flights: [(stream: UInt32, sentAt: UInt64)]
        var flightCount = 0
        var nextID: UInt64 = 1
        init(window: Int) { flights = Array(repeating: (0, 0), count: window) }
    }

    /// - Parameters:
    ///   - window: messages of one sender that may be unanswered at once.
    ///   - bodyBytes: the size of each message.
    ///   - run: tells this run's messages from others'; nil: a new one.
    init(window: Int, bodyBytes: Int, run: UInt32? = nil) {
        self.run = run ?? .random(in: 1 ... .max)
        self.window = window
        self.bodyBytes = bodyBytes
    }

    /// Adds a stream; `name` is the receiver's. The first `filled` messages count as sent and stored: a `DirectoryFill` has left them.
    func add(sender: Int, receiver: Int, name: String, filled: Int = 0) {
        let entry = senders[sender] ?? Sender(window: window)
        senders[sender] = entry
        entry.streams.append(UInt32(streams.count))
        streams.append(Stream(receiver: UInt32(receiver), receiverName: name, ledger: StreamLedger(filled: UInt64(filled))))
        totals.sent += filled
        totals.stored += filled
    }

    /// What was recorded since the last call, or since the start.
    func takeTimes() -> (send: Latencies, delivery: Latencies) {
        defer { (sendTimes, deliveryTimes) = (Latencies(), Latencies()) }
        return (sendTimes, deliveryTimes)
    }

    /// What is known of each stream, in the order of `add`.
    var ledgers: [StreamLedger] { streams.map(\.ledger) }

    /// The phones that send.
    var senderPhones: [Int] { senders.keys.sorted() }

    /// What is known of a stream; they are counted in the order of `add`.
    func ledger(_ stream: Int) -> StreamLedger { streams[stream].ledger }

    /// Whether a phone may be handed messages.
    func wantsRefill(_ phone: Int) -> Bool {
        guard let sender = senders[phone] else { return false }
        return sender.flightCount < window && totals.sent < Int(quota) * streams.count
    }

    /// Hands a phone's machine as many messages as may be on their way.
    func refill(_ phone: Int, _ machine: inout ClientMachine, _ actions: inout ClientActions) {
        guard let sender = senders[phone] else { return }
        while sender.flights[Int(sender.nextID % UInt64(window))].sentAt == 0, let stream = nextStream(sender) {
            let number = streams[Int(stream)].ledger.send()
            let time = Fleet.nanoseconds
            let body = MessageBody(run: run, stream: stream, number: number, sentAt: time).encoded(byteCount: bodyBytes)
            let receiver = streams[Int(stream)].receiverName
            do throws(ClientMachine.EnqueueFailure) {
                sender.nextID = try machine.send(to: .user(receiver), kind: .text, body: body, &actions)
            } catch {
                preconditionFailure("the outbox holds more than a window: \(error)")
            }
            sender.flights[Int(sender.nextID % UInt64(window))] = (stream, time)
            sender.nextID += 1
            sender.flightCount += 1
            totals.sent += 1
        }
    }

    /// A message's fate is known.
    func resolved(_ phone: Int, _ id: UInt64, _ outcome: SendOutcome) {
        guard let sender = senders[phone] else { return }
        let flight = sender.flights[Int(id % UInt64(window))]
        sender.flights[Int(id % UInt64(window))].sentAt = 0
        sender.flightCount -= 1
        switch outcome {
        case .stored:
            totals.stored += 1
            streams[Int(flight.stream)].ledger.store()
            if isRecording { sendTimes.record(Fleet.nanoseconds - flight.sentAt) }
        case .refused: totals.refused += 1
        case .unknown, .withdrawn: totals.unknown += 1
        }
    }

    /// A message has come to a phone.
    func delivered(_ phone: Int, _ bytes: Span<UInt8>, _ time: UInt64) {
        guard let body = MessageBody.decode(bytes), body.run == run, Int(body.stream) < streams.count,
            streams[Int(body.stream)].receiver == UInt32(phone)
        else {
            totals.corrupted += 1
            return
        }
        switch streams[Int(body.stream)].ledger.deliver(body.number) {
        case .inOrder:
            totals.delivered += 1
            if isRecording { deliveryTimes.record(time - body.sentAt) }
            onDelivery?(phone, time)
        case .reordered:
            totals.delivered += 1
            totals.reordered += 1
            onDelivery?(phone, time)
        case .duplicated: totals.duplicated += 1
        case .unknown: totals.corrupted += 1
        }
    }

    /// The totals with the durable messages that haven't come. Complexity: O(streams).
    var verified: Totals {
        var totals = totals
        totals.lost = streams.reduce(0) { $0 + Int($1.ledger.lost) }
        return totals
    }

    private func nextStream(_ sender: Sender) -> UInt32? {
        for _ in sender.streams {
            let stream = sender.streams[sender.next]
            sender.next = sender.next + 1 == sender.streams.count ? 0 : sender.next + 1
            if Int(stream) < openStreams, streams[Int(stream)].ledger.sent < quota { return stream }
        }
        return nil
    }
}
