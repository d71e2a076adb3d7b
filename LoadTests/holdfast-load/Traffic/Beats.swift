import HoldfastIO
import HoldfastWire

/// Heartbeats outside of the machines, once phones are connected: as fast as they are answered, some of them unanswered on each connection at
/// any time, or by a schedule.
final class Beats {
    /// Answered.
    private(set) var count = 0
    private(set) var sent = 0
    /// Due while their phone wasn't connected: they are never sent.
    private(set) var skipped = 0
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
    /// When the unanswered ones were sent; by schedule, which of a phone's turns the next answer is that of.
    private var state: [UInt64]
    /// How many of each phone are on their way.
    private var unanswered: [Int]

    /// As fast as they are answered.
    /// - Parameter outstanding: unanswered heartbeats of each connection.
    init(outstanding: Int, phones: Int) {
        pings = Array(repeating: FrameKind.ping, count: outstanding)
        range = 0..<phones
        schedule = nil
        state = Array(repeating: 0, count: phones)
        unanswered = state.map { _ in 0 }
    }

    /// By a schedule: phones take turns.
    init(schedule: Schedule, phones: Range<Int>) {
        pings = [FrameKind.ping]
        range = phones
        self.schedule = schedule
        state = Array(repeating: 0, count: phones.count)
        unanswered = state.map { _ in 0 }
        isRecording = true
    }

    /// Begins. By a schedule, phones begin when they are due.
    func start(_ fleet: Fleet) {
        guard schedule == nil else { return }
        for index in range {
            fleet.phones[index].flags.insert(.beating)
            send(pings.count, index, fleet)
        }
    }

    /// Sends what is due.
    func sendDue(_ fleet: Fleet, at now: UInt64 = Fleet.nanoseconds) {
        guard let schedule, !isEnding else { return }
        let end = schedule.dueCount(at: now)
        while due < end {
            let (place, turn) = (due % range.count, due / range.count)
            if isRecording { lags.record(now - schedule.due(due)) }
            due += 1
            guard fleet.phones[range.lowerBound + place].flags.contains(.connected) else {
                skipped += 1
                continue
            }
            // On a new connection the first answer is that of its first beat, whatever was skipped or never answered before.
            if fleet.phones[range.lowerBound + place].flags.insert(.beating).inserted {
                (state[place], unanswered[place]) = (UInt64(turn), 0)
            }
            send(1, range.lowerBound + place, fleet)
        }
    }

    /// Bytes came for a beating phone.
    /// - Returns: how many of them are answers, from the front on. Further ones are those of its machine's own heartbeats.
    func received(_ index: Int, _ bytes: Span<UInt8>, _ fleet: Fleet, at now: UInt64 = Fleet.nanoseconds) -> Int {
        let place = index - range.lowerBound
        var answered = 0
        while answered < min(bytes.count, unanswered[place]) && bytes[answered] == FrameKind.pong { answered += 1 }
        guard answered > 0 else { return 0 }
        count += answered
        unanswered[place] -= answered
        if let schedule {
            // A phone's beats are answered in their order, and each was due a round after the one before.
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
        unanswered[index - range.lowerBound] += count
        fleet.loop.send(id, pings.span.extracting(0..<count))
    }
}
