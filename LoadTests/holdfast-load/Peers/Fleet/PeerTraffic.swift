/// Messages between the phones of a comparison: who sends how many to whom, how many at a time, what became of them. On the loop's thread.
///
/// The messages of a stream (one sender, one receiver) are numbered; their content is checked when they come.
final class PeerTraffic {
    private struct Stream {
        let receiver: UInt32
        let receiverName: String
        var ledger = StreamLedger()
    }

    /// What was seen, over all streams.
    struct Totals: Sendable {
        var sent = 0
        var acknowledged = 0
        /// Refused, or of unknown fate.
        var rejected = 0
        var delivered = 0
        var duplicated = 0
        var reordered = 0
        /// Damaged, of another run, never sent, or for another receiver.
        var corrupted = 0
        /// Acknowledged and not delivered; only in `verified`.
        var lost = 0
    }

    private final class Sender {
        var streams: [UInt32] = []
        /// Where the search for a stream that may go on begins.
        var next = 0
        /// Messages with the machine, by id modulo the window: the stream, and when it was sent; 0: none.
        var flights: [(stream: UInt32, number: UInt64, sentAt: UInt64)]
        var flightCount = 0
        var nextID: UInt64 = 1
        init(window: Int) { flights = Array(repeating: (0, 0, 0), count: window) }
    }

    private(set) var totals = Totals()
    /// How long the acknowledgement and the delivery took, in nanoseconds; while `isRecording`.
    private(set) var acknowledgeTimes = Latencies()
    private(set) var deliveryTimes = Latencies()
    var isRecording = true
    /// Messages of each stream that may be sent; see `PeerFleet.send`.
    var quota: UInt64 = 0
    static let unlimited: UInt64 = 1 << 40
    /// Messages in all that may be sent.
    var sentMax = Int.max
    /// Told of each message that hasn't come before: the receiver.
    var onDelivery: ((_ receiver: Int, _ time: UInt64) -> Void)?

    private var streams: [Stream] = []
    private var senders: [Int: Sender] = [:]
    private let run = UInt32.random(in: .min ... .max)
    private let window: Int
    private let bodyBytes: Int

    /// - Parameter window: messages of one sender that may be unanswered at once.
    init(window: Int, bodyBytes: Int) {
        self.window = window
        self.bodyBytes = bodyBytes
    }

    /// Adds a stream; `name` is the receiver's.
    func add(sender: Int, receiver: Int, name: String) {
        let entry = senders[sender] ?? Sender(window: window)
        senders[sender] = entry
        entry.streams.append(UInt32(streams.count))
        streams.append(Stream(receiver: UInt32(receiver), receiverName: name))
    }

    /// The phones that send.
    var senderPhones: [Int] { senders.keys.sorted() }

    /// Forgets the times recorded so far.
    func resetTimes() { (acknowledgeTimes, deliveryTimes) = (Latencies(), Latencies()) }

    /// Whether a phone may be handed messages.
    func wantsRefill(_ phone: Int) -> Bool {
        guard let sender = senders[phone] else { return false }
        return sender.flightCount < window && totals.sent < sentMax && (quota == Self.unlimited || totals.sent < Int(quota) * streams.count)
    }

    /// Hands out as many messages of a phone as may be on their way.
    func refill(_ phone: Int, _ publish: (UInt64, String, [UInt8]) -> Void) {
        guard let sender = senders[phone] else { return }
        while totals.sent < sentMax, sender.flights[Int(sender.nextID % UInt64(window))].sentAt == 0, let stream = nextStream(sender) {
            let number = streams[Int(stream)].ledger.send()
            let time = PeerFleet.nanoseconds
            let body = MessageBody(run: run, stream: stream, number: number, sentAt: time).encoded(byteCount: bodyBytes)
            let id = sender.nextID
            sender.flights[Int(id % UInt64(window))] = (stream, number, time)
            sender.nextID += 1
            sender.flightCount += 1
            totals.sent += 1
            publish(id, streams[Int(stream)].receiverName, body)
        }
    }

    /// The server has taken a message over.
    func acknowledged(_ phone: Int, _ id: UInt64) {
        guard let flight = land(phone, id) else { return }
        totals.acknowledged += 1
        streams[Int(flight.stream)].ledger.store(flight.number)
        if isRecording { acknowledgeTimes.record(PeerFleet.nanoseconds - flight.sentAt) }
    }

    /// The server has refused a message, or nobody knows.
    func rejected(_ phone: Int, _ id: UInt64) {
        guard let flight = land(phone, id) else { return }
        totals.rejected += 1
        streams[Int(flight.stream)].ledger.giveUp(flight.number)
    }

    /// A message has come to a phone.
    func delivered(_ phone: Int, _ bytes: Span<UInt8>, _ time: UInt64) {
        guard let body = MessageBody.decode(bytes), body.run == run, Int(body.stream) < streams.count,
            streams[Int(body.stream)].receiver == UInt32(phone)
        else {
            totals.corrupted += 1
            return
        }
        let verdict = streams[Int(body.stream)].ledger.deliver(body.number)
        switch verdict {
        case .inOrder, .reordered:
            totals.delivered += 1
            if verdict == .reordered { totals.reordered += 1 }
            if isRecording { deliveryTimes.record(time - body.sentAt) }
            onDelivery?(phone, time)
        case .duplicated: totals.duplicated += 1
        case .unknown: totals.corrupted += 1
        }
    }

    /// The totals with the acknowledged messages that haven't come, of the streams to these phones. Complexity: O(streams).
    func verified(receivers: Range<Int>? = nil) -> Totals {
        var totals = totals
        for stream in streams where receivers?.contains(Int(stream.receiver)) ?? true { totals.lost += stream.ledger.lost }
        return totals
    }

    /// Which messages are acknowledged now, by stream.
    var acknowledgedNow: [StreamLedger.Acknowledged] { streams.map(\.ledger.acknowledged) }

    /// Of those that were acknowledged at some time: how many haven't come.
    func lost(of acknowledged: [StreamLedger.Acknowledged]) -> Int {
        zip(streams, acknowledged).reduce(0) { $0 + $1.0.ledger.lost(of: $1.1) }
    }

    /// Acknowledged messages for these phones.
    func acknowledgedCount(receivers: Range<Int>) -> Int {
        streams.reduce(0) { receivers.contains(Int($1.receiver)) ? $0 + Int($1.ledger.stored) : $0 }
    }

    private func land(_ phone: Int, _ id: UInt64) -> (stream: UInt32, number: UInt64, sentAt: UInt64)? {
        guard let sender = senders[phone] else { return nil }
        let slot = Int(id % UInt64(window))
        // An answer that comes twice, or for another id of the same slot.
        guard id < sender.nextID, id + UInt64(window) >= sender.nextID, sender.flights[slot].sentAt != 0 else { return nil }
        let flight = sender.flights[slot]
        sender.flights[slot].sentAt = 0
        sender.flightCount -= 1
        return flight
    }

    private func nextStream(_ sender: Sender) -> UInt32? {
        for _ in sender.streams {
            let stream = sender.streams[sender.next]
            sender.next = sender.next + 1 == sender.streams.count ? 0 : sender.next + 1
            if streams[Int(stream)].ledger.sent < quota { return stream }
        }
        return nil
    }
}
