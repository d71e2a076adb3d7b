import HoldfastIO
import HoldfastWire

/// Heartbeats as fast as they are answered, some of them unanswered on each connection at any time. No phone does that: the machines are
/// passed over, once they are connected.
final class Beats {
    /// Answered.
    private(set) var count = 0
    private(set) var times = Latencies()
    var isRecording = false
    /// No further ones are sent.
    var isEnding = false
    private let pings: [UInt8]
    private var sentAt: [UInt64]

    /// - Parameter outstanding: unanswered heartbeats of each connection.
    init(outstanding: Int, phones: Int) {
        pings = Array(repeating: FrameKind.ping, count: outstanding)
        sentAt = Array(repeating: 0, count: phones)
    }

    /// Sends the first ones of a phone.
    func start(_ index: Int, _ fleet: Fleet) {
        fleet.phones[index].flags.insert(.beating)
        send(pings.count, index, fleet)
    }

    /// Bytes came for a beating phone.
    /// - Returns: how many of them are answers, from the front on.
    func received(_ index: Int, _ bytes: Span<UInt8>, _ fleet: Fleet) -> Int {
        var answered = 0
        while answered < bytes.count && bytes[answered] == FrameKind.pong { answered += 1 }
        guard answered > 0 else { return 0 }
        count += answered
        if isRecording { times.record(Fleet.nanoseconds - sentAt[index]) }
        if !isEnding { send(answered, index, fleet) }
        return answered
    }

    private func send(_ number: Int, _ index: Int, _ fleet: Fleet) {
        sentAt[index] = Fleet.nanoseconds
        let pings = self.pings
        let count = min(number, pings.count)
        fleet.loop.send(ConnectionID(rawValue: fleet.phones[index].connection), pings.span.extracting(0..<count))
    }
}
