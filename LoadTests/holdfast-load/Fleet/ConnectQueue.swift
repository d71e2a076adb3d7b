import HoldfastClient

/// Phones that are to connect, in order: so many at a time, or each at its time; and what they do then.
struct ConnectQueue {
    /// What a phone does once it is connected.
    enum Afterwards: Sendable {
        /// It stays.
        case stay
        /// It goes at once and queues again; with settings: without its session, to log in anew.
        case cycle(Fleet.Departure, anew: ClientSettings?)
        /// It stays until it is its turn again; then it goes, and connects at once.
        case rejoin(Fleet.Departure)
        /// It sends what its stream allows and goes when that is stored; the next one in its place is another user.
        case visit(Fleet.Departure)
    }

    /// How many may be between `connect` and `WELCOME`.
    var limit = Int.max
    /// When they are due; nil: as soon as `limit` lets them.
    var schedule: Schedule?
    var afterwards = Afterwards.stay
    /// How many were due and have begun, of `schedule`.
    var due = 0
    var inFlight = 0
    /// When the attempt began that `next` has just given, or was due.
    private(set) var attemptedAt: UInt64 = 0
    /// By how much attempts began late while a phone was there for them: this program's own fault.
    var lags = Latencies()
    /// Nanoseconds from the beginning of an attempt, or from when it was due, to `WELCOME`.
    var times = Latencies()
    private var phones: [UInt32] = []
    private var head = 0
    /// When there was last no phone.
    private var emptyAt: UInt64 = 0

    /// Phones that wait.
    var count: Int { phones.count - head }

    /// Due, and no phone was there: they are all on their way.
    func overdue(_ now: UInt64) -> Int { schedule.map { max(0, $0.dueCount(at: now) - due) } ?? 0 }

    /// Adds phones at the end.
    mutating func append(contentsOf range: Range<Int>) {
        if head == phones.count || head > 4_096 && head > phones.count / 2 {
            phones.removeFirst(head)
            head = 0
        }
        phones.append(contentsOf: range.map(UInt32.init))
    }

    /// No further phone becomes due.
    mutating func stopDue() {
        let due = due
        schedule?.count = due
    }

    /// No further phone connects; those that are on their way stay.
    mutating func end() {
        stopDue()
        phones.removeAll()
        head = 0
        afterwards = .stay
    }

    /// The phone that has to begin now; it counts as in flight from here on.
    mutating func next(_ now: UInt64) -> Int? {
        guard head < phones.count else {
            emptyAt = now
            return nil
        }
        attemptedAt = now
        if let schedule {
            guard due < schedule.count else { return nil }
            attemptedAt = schedule.due(due)
            guard attemptedAt <= now else { return nil }
            due += 1
            lags.record(now - max(attemptedAt, emptyAt))
        }
        head += 1
        inFlight += 1
        return Int(phones[head - 1])
    }
}
