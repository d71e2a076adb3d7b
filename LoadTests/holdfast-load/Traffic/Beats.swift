import HoldfastIO
import HoldfastWire

/// Heartbeats outside of the machines, once phones are connected: as fast as they are answered, some of them unanswered on each connection at
/// any time, or by a schedule.
final class Beats {
    /// Answered.
    private(set) var count = 0
    private(set) var sent = 0
    private(set) var times = Latencies()
    private(set) var lags = Latencies()
    var isRecording = false
    /// No further ones are sent.
    var isEnding = false
    private let pings: [UInt8]
    private let range: Range<Int>
    private let schedule: Schedule?
    /// How many of `schedule` were due so far.
    private var due = 0
    /// When the unanswered ones were sent; by schedule, how many were answered.
    private var state: [UInt64]

    /// As fast as they are answered.
    /// - Parameter outstanding: unanswered heartbeats of each connection.
    init(outstanding: Int, phones: Int) {
        pings = Array(repeating: FrameKind.ping, count: outstanding)
        range = 0..<phones
        schedule = nil
        state = Array(repeating: 0, count: phones)
    }

    /// By a schedule: phones take turns.
    init(schedule: Schedule, phones: Range<Int>) {
        pings = [FrameKind.ping]
        range = phones
        self.schedule = schedule
        state = Array(repeating: 0, count: phones.count)
        isRecording = true
    }

    /// Begins.
    func start(_ fleet: Fleet) {
        for index in range {
            fleet.phones[index].flags.insert(.beating)
            if schedule == nil { send(pings.count, index, fleet) }
        }
    }

    /// Sends what is due.
    func sendDue(_ fleet: Fleet) {
        guard let schedule, !isEnding else { return }
        let now = Fleet.nanoseconds
        let end = schedule.dueCount(at: now)
        while due < end {
            let index = range.lowerBound + due % range.count
            if isRecording { lags.record(now - schedule.due(due)) }
            due += 1
            send(1, index, fleet)
        }
    }

    /// Bytes came for a beating phone.
    /// - Returns: how many of them are answers, from the front on.
    func received(_ index: Int, _ bytes: Span<UInt8>, _ fleet: Fleet) -> Int {
        var answered = 0
        while answered < bytes.count && bytes[answered] == FrameKind.pong { answered += 1 }
        guard answered > 0 else { return 0 }
        count += answered
        let (now, place) = (Fleet.nanoseconds, index - range.lowerBound)
        if let schedule {
            // The n-th answer is that of the n-th beat of this phone, which was due a round after the one before.
            for turn in state[place]..<state[place] + UInt64(answered) where isRecording {
                times.record(now - min(now, schedule.due(Int(turn) * range.count + place)))
            }
            state[place] += UInt64(answered)
        } else {
            if isRecording { times.record(now - state[place]) }
            if !isEnding { send(answered, index, fleet) }
        }
        return answered
    }

    private func send(_ number: Int, _ index: Int, _ fleet: Fleet) {
        let id = ConnectionID(rawValue: fleet.phones[index].connection)
        guard fleet.phones[index].connection != 0 else { return }
        if schedule == nil { state[index - range.lowerBound] = Fleet.nanoseconds }
        let pings = self.pings
        let count = min(number, pings.count)
        sent += count
        fleet.loop.send(id, pings.span.extracting(0..<count))
    }
}
