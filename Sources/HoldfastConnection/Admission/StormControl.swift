/// Which openings (first frames of connections: `RESUME`, `HELLO`) go to the core now, which wait here for their turn, and which are told
/// when to come back (REQ-TIME-9). One for each event loop. Pure: counts and the time come in, decisions go out.
///
/// Overview. An opening is admitted as long as fewer than `inFlightLimit` are on their way through token check, core and readers. Others wait,
/// if what was promised before them is done within `waitMilliseconds` at the rate that was last seen under load. Whoever would wait longer
/// gets a slot: the first moment that isn't promised to anybody else. So slots follow each other at the machine's own rate, and the time
/// that they take is the time that the backlog needs.
///
/// The limit in flight is what divides the machine between openings and messages, and it is moved ten times a second while somebody waits:
///
/// - up or down, so that an opening takes about `latencyMilliseconds` from admission to `WELCOME`: with more in flight messages wait longer;
/// - up to eight times as many while nobody sends (a gateway that has just started): the larger the batches, the less each opening costs;
/// - down, when messages are confirmed at less than 60 % of the rate before the storm, or commits take more than four times as long.
///   That rate is forgotten within seconds, because senders may have become fewer by themselves.
///
/// While nobody waits, the rates of messages and of commits are noted as what is usual.
package struct StormControl: Sendable {
    /// What an operator sets.
    package struct Settings: Equatable, Sendable {
        /// False: everybody is admitted at once.
        package var isOn = true
        /// The most openings that a loop has in flight while somebody sends.
        package var inFlightMax = 512
        /// The longest that an opening is meant to wait here.
        package var waitMilliseconds: UInt32 = 5_000
        package init() {}
    }

    /// What becomes of an opening.
    package enum Decision: Equatable, Sendable {
        case admit
        /// It is kept until `takeTurn`, or until `left`.
        case wait
        case comeBack(milliseconds: UInt32)
    }

    /// What an operator is told while openings are turned away.
    package struct Report: Equatable, Sendable {
        /// Openings since the last report.
        package var admitted = 0
        package var deferred = 0
        /// Those that wait now.
        package var waiting = 0
        package var inFlightLimit = 0
        package var perSecond = 0
        /// Until the last slot that was given.
        package var slotMilliseconds: UInt64 = 0
    }

    private let settings: Settings
    package private(set) var inFlight = 0
    package private(set) var waiting = 0
    package private(set) var inFlightLimit: Int
    /// Openings a second, as seen while somebody waited.
    package private(set) var perSecond = Self.perSecondAtFirst
    /// Until when the machine's time is promised, to those who wait and to those who were given a slot; monotonic microseconds.
    private var bookedUntil: UInt64 = 0
    /// The same of logins, which come behind: whoever floods with openings whose tokens nobody has checked puts no resume off.
    private var loginsBookedUntil: UInt64 = 0
    /// Openings that were given a slot beyond `slotMillisecondsMax`.
    private var overflows: UInt32 = 0
    /// Turns are given together, once half of the room is free: one at a time would make batches of one, each with its wake-ups.
    private var isRefilling = true
    private var interval = Interval()
    private var usual = Usual()
    /// When it was last seen that messages had been confirmed.
    private var sentAt: UInt64 = 0
    private var report = Report()
    private var reportAt: UInt64 = 0

    /// What was counted since `startedAt`.
    private struct Interval {
        var startedAt: UInt64 = 0
        var served = 0
        /// Those that came, whatever became of them.
        var arrived = 0
        var sentCount: UInt64 = 0
        /// Somebody waited at some time, and at all times.
        var wasContended = false
        var wasBusy = true
    }

    /// What was seen while nobody waited.
    private struct Usual {
        var sentPerSecond = 0.0
        var commitMicroseconds = 0.0
    }

    /// Nothing is known at the start. Too much makes some wait a little longer here, too little sends some away who could have waited.
    private static let perSecondAtFirst = 5_000.0
    /// To accept a connection, read its first frame and answer costs this part of an opening; when most are sent away, it is most of the work.
    private static let arrivalCost = 0.25
    private static let inFlightAtFirst = 64
    private static let inFlightMin = 8
    private static let latencyMilliseconds = 250.0
    /// By so much more may be in flight, and take, while nobody sends.
    private static let quietFactor = 8
    /// Nobody sends when no message was confirmed for so long.
    private static let quietMilliseconds: UInt64 = 1_000
    private static let intervalMilliseconds: UInt64 = 100
    private static let reportMilliseconds: UInt64 = 5_000
    /// No slot is later: nobody knows what a machine does in two minutes, and a client obeys.
    private static let slotMillisecondsMax: UInt64 = 120_000
    /// Commits below this are quick, whatever they were before.
    private static let commitMicrosecondsMin = 20_000.0

    package init(_ settings: Settings) {
        self.settings = settings
        inFlightLimit = min(Self.inFlightAtFirst, settings.inFlightMax)
    }

    /// Whether openings are counted at all.
    package var isOn: Bool { settings.isOn }

    /// Whether one that waits may go on now.
    package var hasTurn: Bool { waiting > 0 && inFlight < inFlightLimit && isRefilling }

    // MARK: - Openings

    /// An opening has come.
    /// - Parameter rank: who it is; it decides how long the wait may be.
    package mutating func arrived(_ rank: OpeningQueue.Rank, now: UInt64) -> Decision {
        guard settings.isOn else { return .admit }
        interval.arrived += 1
        if waiting == 0 && inFlight < inFlightLimit {
            admit()
            return .admit
        }
        interval.wasContended = true
        let queued = Double(waiting) / perSecond * 1000
        let patience = Double(settings.waitMilliseconds)
        if rank == .slot {
            // Its time was promised, and so was booked before; but not if far more have come than were promised.
            if queued <= 2 * patience { return keep() }
        } else {
            let horizon = horizon(of: rank)
            let booked = horizon > now * 1000 ? Double(horizon - now * 1000) / 1000 : 0
            if max(queued, booked) <= patience * Self.share(of: rank) {
                _ = book(rank, from: now * 1000, now)
                return keep()
            }
        }
        report.deferred += 1
        // Not before those who wait, whatever was promised.
        return .comeBack(milliseconds: UInt32(clamping: book(rank, from: now * 1000 + UInt64(queued * 1000), now)))
    }

    /// Of the longest wait: for whom messages wait may stay when others go already.
    private static func share(of rank: OpeningQueue.Rank) -> Double {
        switch rank {
        case .slot, .undelivered: 1
        case .resume: 0.75
        case .login: 0.5
        }
    }

    private mutating func keep() -> Decision {
        waiting += 1
        return .wait
    }

    /// Until when the machine's time is promised to such as this one, and to those who go before it.
    private func horizon(of rank: OpeningQueue.Rank) -> UInt64 {
        rank == .login ? max(bookedUntil, loginsBookedUntil) : bookedUntil
    }

    /// Promises the next moment that isn't promised, at `earliest` or later; in how many milliseconds that is.
    private mutating func book(_ rank: OpeningQueue.Rank, from earliest: UInt64, _ now: UInt64) -> UInt64 {
        assert(perSecond > 0 && earliest >= now * 1000, "what is promised lies ahead")
        let start = max(horizon(of: rank), earliest)
        let end = min(start + UInt64(max(1, 1_000_000 / perSecond)), now * 1000 + Self.slotMillisecondsMax * 1000)
        if rank == .login { loginsBookedUntil = end } else { bookedUntil = end }
        var milliseconds = max(1, (start - min(start, now * 1000)) / 1000)
        if milliseconds >= Self.slotMillisecondsMax {
            // Beyond what can be foretold: spread, and asked again then.
            overflows &+= 1
            let half = Self.slotMillisecondsMax / 2
            milliseconds = half + UInt64(overflows &* 2_654_435_761) % half
        }
        report.slotMilliseconds = milliseconds
        return milliseconds
    }

    /// One that waited is admitted.
    /// - Precondition: `hasTurn`.
    package mutating func takeTurn() {
        precondition(hasTurn)
        waiting -= 1
        admit()
    }

    private mutating func admit() {
        inFlight += 1
        report.admitted += 1
        if inFlight >= inFlightLimit { isRefilling = false }
    }

    /// One that waited is gone.
    package mutating func left() {
        precondition(waiting > 0, "who leaves has waited")
        waiting -= 1
    }

    /// One that was admitted has its `WELCOME` (`isServed`), or is gone before.
    package mutating func finished(isServed: Bool) {
        precondition(inFlight > 0, "an opening that ends was admitted")
        inFlight -= 1
        if isServed { interval.served += 1 }
        if inFlight * 2 <= inFlightLimit { isRefilling = true }
    }

    // MARK: - Measuring

    /// To be called often, after openings were finished and before waiting ones take their turns.
    /// - Parameters:
    ///   - sentCount: messages of the whole gateway that were confirmed, from some beginning.
    ///   - commitMicroseconds: how long commits take.
    package mutating func measure(now: UInt64, sentCount: UInt64, commitMicroseconds: UInt64) {
        if waiting == 0 { interval.wasBusy = false } else { interval.wasContended = true }
        let elapsed = now - min(now, interval.startedAt)
        guard elapsed >= Self.intervalMilliseconds else { return }
        if sentCount != interval.sentCount { sentAt = now }
        if elapsed <= 10 * Self.intervalMilliseconds {
            let sentPerSecond = Double(sentCount &- interval.sentCount) * 1000 / Double(elapsed)
            if interval.wasContended {
                if interval.wasBusy {
                    let done = Double(interval.served) + Double(interval.arrived) * Self.arrivalCost
                    learn(done * 1000 / Double(elapsed), now)
                }
                adapt(sentPerSecond, Double(commitMicroseconds), isQuiet: now - sentAt >= Self.quietMilliseconds)
            } else {
                // The machine has time that is promised for later: the promises were too late.
                scaleHorizons(by: 7.0 / 8, now)
                usual.sentPerSecond += (sentPerSecond - usual.sentPerSecond) / 8
                usual.commitMicroseconds += (Double(commitMicroseconds) - usual.commitMicroseconds) / 8
            }
        }
        interval = Interval(startedAt: now, sentCount: sentCount, wasContended: waiting > 0, wasBusy: waiting > 0)
    }

    /// A rate that was seen while somebody waited all the time is what the machine can do. Less is believed slowly: who comes too early waits
    /// here, but a slot that is too late can't be taken back, and the machine is idle meanwhile.
    private mutating func learn(_ seen: Double, _ now: UInt64) {
        let old = perSecond
        perSecond = max(1, perSecond + (seen - perSecond) / (seen > perSecond ? 3 : 10))
        // What is promised in numbers takes another time now.
        scaleHorizons(by: old / perSecond, now)
    }

    private mutating func scaleHorizons(by factor: Double, _ now: UInt64) {
        func scaled(_ horizon: UInt64) -> UInt64 {
            guard horizon > now * 1000 else { return horizon }
            let microseconds = min(Double(horizon - now * 1000) * factor, Double(Self.slotMillisecondsMax) * 1000)
            return now * 1000 + UInt64(microseconds)
        }
        (bookedUntil, loginsBookedUntil) = (scaled(bookedUntil), scaled(loginsBookedUntil))
    }

    private mutating func adapt(_ sentPerSecond: Double, _ commitMicroseconds: Double, isQuiet: Bool) {
        // Where none is confirmed any more, nobody sends: there is nothing to spare.
        let isSending = sentPerSecond > usual.sentPerSecond / 20
        let suffers =
            isSending
            && (sentPerSecond < 0.6 * usual.sentPerSecond
                // What is usual for this disk isn't known before somebody was served without a storm.
                || usual.commitMicroseconds > 0
                    && commitMicroseconds > max(Self.commitMicrosecondsMin, 4 * usual.commitMicroseconds))
        // In a storm that lasts, senders may have become fewer by themselves.
        usual.sentPerSecond += (sentPerSecond - usual.sentPerSecond) / 64
        let factor = isQuiet ? Self.quietFactor : 1
        let wanted = suffers ? 0 : perSecond * Self.latencyMilliseconds / 1000 * Double(factor)
        let limit = Double(inFlightLimit)
        let moved = min(max(wanted, limit * 0.75), limit * (isQuiet ? 2 : 1.25) + 1)
        inFlightLimit = min(max(Int(moved), min(Self.inFlightMin, settings.inFlightMax)), settings.inFlightMax * factor)
    }

    /// What to tell the operator: at once when the first opening is turned away, then every five seconds while that goes on.
    package mutating func takeReport(now: UInt64) -> Report? {
        guard report.deferred > 0, now >= reportAt else { return nil }
        reportAt = now + Self.reportMilliseconds
        var taken = report
        (taken.waiting, taken.inFlightLimit, taken.perSecond) = (waiting, inFlightLimit, Int(perSecond))
        report = Report()
        return taken
    }
}
