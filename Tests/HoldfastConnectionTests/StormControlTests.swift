import HoldfastConnection
import Testing

/// The decisions of storm control, without connections. REQ-TIME-9
@Suite struct StormControlTests {
    private static func control(inFlightMax: Int = 4, waitMilliseconds: UInt32 = 1_000) -> StormControl {
        var settings = StormControl.Settings()
        settings.inFlightMax = inFlightMax
        settings.waitMilliseconds = waitMilliseconds
        return StormControl(settings)
    }

    /// A machine that serves `perSecond` openings, in steps of 10 ms, while `arriving` come in each second.
    private struct Machine {
        var control: StormControl
        let perSecond: Int
        var now: UInt64 = 10_000
        var sentPerSecond = 0
        var commitMicroseconds: UInt64 = 1_000
        private var sentCount: UInt64 = 0
        private(set) var served = 0
        private(set) var slots: [UInt64] = []

        init(_ control: StormControl, perSecond: Int) {
            self.control = control
            self.perSecond = perSecond
        }

        mutating func run(milliseconds: Int, arriving: Int) {
            for step in 0..<milliseconds / 10 {
                now += 10
                sentCount += UInt64(sentPerSecond / 100)
                for _ in 0..<(arriving * (step + 1) / 100 - arriving * step / 100) {
                    if case .comeBack(let milliseconds) = control.arrived(.resume, now: now) {
                        slots.append(now + UInt64(milliseconds))
                    }
                }
                for _ in 0..<min(control.inFlight, perSecond / 100) {
                    control.finished(isServed: true)
                    served += 1
                }
                control.measure(now: now, sentCount: sentCount, commitMicroseconds: commitMicroseconds)
                while control.hasTurn { control.takeTurn() }
            }
        }
    }

    @Test func `whoever finds room is admitted, others wait for their turn`() {
        var control = Self.control(inFlightMax: 2)
        #expect(control.arrived(.resume, now: 0) == .admit)
        #expect(control.arrived(.resume, now: 0) == .admit)
        #expect(control.arrived(.resume, now: 0) == .wait)
        #expect(!control.hasTurn)
        control.finished(isServed: true)
        #expect(control.hasTurn)
        control.takeTurn()
        #expect(control.inFlight == 2 && control.waiting == 0)
    }

    @Test func `one that is gone while it waited leaves its turn to the next`() {
        var control = Self.control(inFlightMax: 1)
        _ = control.arrived(.resume, now: 0)
        #expect(control.arrived(.resume, now: 0) == .wait)
        control.left()
        control.finished(isServed: false)
        #expect(!control.hasTurn && control.inFlight == 0)
        #expect(control.arrived(.resume, now: 0) == .admit)
    }

    @Test func `switched off, it admits everybody and counts nobody`() {
        var settings = StormControl.Settings()
        settings.isOn = false
        var control = StormControl(settings)
        for _ in 0..<100_000 { #expect(control.arrived(.resume, now: 0) == .admit) }
        #expect(control.inFlight == 0)
    }

    @Test func `slots follow each other at the machine's rate, over the time that the backlog needs`() throws {
        var machine = Machine(Self.control(inFlightMax: 64), perSecond: 1_000)
        // Learns what the machine can do; that arrivals cost this one nothing it can't know.
        machine.run(milliseconds: 3_000, arriving: 3_000)
        #expect(900...2_200 ~= machine.control.perSecond)
        let known = machine.slots.count
        machine.run(milliseconds: 1_000, arriving: 10_000)
        let slots = machine.slots[known...].sorted()
        #expect(slots.count > 5_000)
        // Never more in a second than can be served in one, and no hole between them.
        let rate = machine.control.perSecond
        for start in stride(from: slots[0], to: slots[slots.count - 1] - 1_000, by: 500) {
            let inSecond = slots.count { $0 >= start && $0 < start + 1_000 }
            #expect(Double(inSecond) < 2 * rate && Double(inSecond) > rate / 3, "\(inSecond) at \(start)")
        }
    }

    @Test func `the machine is never idle while somebody waits`() {
        for factor in [2, 5, 10] {
            var machine = Machine(Self.control(inFlightMax: 256), perSecond: 1_000)
            machine.run(milliseconds: 2_000, arriving: 1_000 * factor)
            let before = machine.served
            machine.run(milliseconds: 2_000, arriving: 1_000 * factor)
            #expect(machine.served - before >= 1_900, "\(factor)")
        }
    }

    @Test func `whoever comes at its slot waits, where one that comes anew is sent away`() {
        var control = Self.control(inFlightMax: 1, waitMilliseconds: 1)
        #expect(control.arrived(.resume, now: 0) == .admit)
        var isFull = false
        for _ in 0..<100 where !isFull {
            if case .comeBack = control.arrived(.resume, now: 0) { isFull = true }
        }
        #expect(isFull)
        #expect(control.arrived(.slot, now: 0) == .wait)
    }

    @Test func `for whom messages wait may stay when others go already`() {
        var stays: [OpeningQueue.Rank: Int] = [:]
        for rank in [OpeningQueue.Rank.undelivered, .resume, .login] {
            var control = Self.control(inFlightMax: 1, waitMilliseconds: 100)
            while case .admit = control.arrived(rank, now: 0) {}
            while case .wait = control.arrived(rank, now: 0) {}
            stays[rank] = control.waiting
        }
        #expect(stays[.undelivered]! > stays[.resume]! && stays[.resume]! > stays[.login]! && stays[.login]! > 0, "\(stays)")
    }

    @Test func `slots that nobody believes in any more are not given`() {
        var control = Self.control(inFlightMax: 1, waitMilliseconds: 0)
        #expect(control.arrived(.resume, now: 0) == .admit)
        #expect(control.arrived(.slot, now: 0) == .wait)
        // Far more come with a slot than any was given to.
        guard case .comeBack(let milliseconds) = control.arrived(.slot, now: 0) else {
            Issue.record("it waits")
            return
        }
        #expect(milliseconds >= 1)
    }

    @Test func `messages that suffer take room from openings, which take it back afterwards`() {
        var machine = Machine(Self.control(inFlightMax: 512), perSecond: 5_000)
        machine.sentPerSecond = 10_000
        machine.run(milliseconds: 3_000, arriving: 100)
        machine.run(milliseconds: 1_000, arriving: 20_000)
        let wide = machine.control.inFlightLimit
        machine.sentPerSecond = 4_000
        machine.run(milliseconds: 1_500, arriving: 20_000)
        let narrow = machine.control.inFlightLimit
        #expect(narrow < wide / 4 && narrow >= 8, "\(wide), \(narrow)")
        machine.sentPerSecond = 9_000
        machine.run(milliseconds: 3_000, arriving: 20_000)
        #expect(machine.control.inFlightLimit > 2 * narrow)
    }

    @Test func `where nobody sends any more, nothing is spared for messages`() {
        var machine = Machine(Self.control(inFlightMax: 512), perSecond: 5_000)
        machine.sentPerSecond = 10_000
        machine.run(milliseconds: 3_000, arriving: 100)
        machine.sentPerSecond = 0
        machine.run(milliseconds: 2_000, arriving: 20_000)
        #expect(machine.control.inFlightLimit == 8 * 512)
    }

    @Test func `while nobody sends, more are in flight, and with the first message no more than were set`() {
        var machine = Machine(Self.control(inFlightMax: 64), perSecond: 5_000)
        machine.run(milliseconds: 2_000, arriving: 20_000)
        #expect(machine.control.inFlightLimit == 8 * 64)
        machine.sentPerSecond = 100
        machine.run(milliseconds: 200, arriving: 20_000)
        #expect(machine.control.inFlightLimit == 64)
    }

    @Test func `turns are given together, when half of the room is free`() {
        var control = Self.control(inFlightMax: 8)
        for _ in 0..<20 { _ = control.arrived(.resume, now: 0) }
        #expect(control.inFlight == 8 && control.waiting == 12)
        for _ in 0..<3 { control.finished(isServed: true) }
        #expect(!control.hasTurn)
        control.finished(isServed: true)
        #expect(control.hasTurn)
        while control.hasTurn { control.takeTurn() }
        #expect(control.inFlight == 8 && control.waiting == 8)
    }

    @Test func `slow commits take room from openings as well`() {
        var machine = Machine(Self.control(inFlightMax: 512), perSecond: 5_000)
        machine.sentPerSecond = 10_000
        machine.run(milliseconds: 3_000, arriving: 100)
        machine.run(milliseconds: 1_000, arriving: 20_000)
        let wide = machine.control.inFlightLimit
        machine.commitMicroseconds = 60_000
        machine.run(milliseconds: 1_500, arriving: 20_000)
        #expect(machine.control.inFlightLimit < wide / 4)
    }

    @Test func `reports come when somebody is sent away, and not for each`() throws {
        var control = Self.control(inFlightMax: 1, waitMilliseconds: 0)
        #expect(control.takeReport(now: 0) == nil)
        for _ in 0..<10 { _ = control.arrived(.resume, now: 0) }
        let taken = control.takeReport(now: 0)
        let report = try #require(taken)
        #expect(report.admitted == 1 && report.deferred > 0 && report.admitted + report.deferred + report.waiting == 10)
        _ = control.arrived(.resume, now: 10)
        #expect(control.takeReport(now: 10) == nil)
        let later = control.takeReport(now: 5_000)
        #expect(later?.deferred == 1)
    }

    @Test func `logins whose tokens nobody has checked put no resume off`() {
        var control = Self.control(inFlightMax: 1, waitMilliseconds: 100)
        while control.arrived(.resume, now: 0) != .comeBack(milliseconds: 75) {}
        for _ in 0..<100_000 { _ = control.arrived(.login, now: 0) }
        guard case .comeBack(let resume) = control.arrived(.resume, now: 0), case .comeBack(let login) = control.arrived(.login, now: 0)
        else {
            Issue.record("there is no room")
            return
        }
        #expect(resume <= 80)
        #expect(login > 10_000)
    }

    @Test func `no slot is later than two minutes, and those beyond are spread`() {
        var control = Self.control(inFlightMax: 1, waitMilliseconds: 100)
        var slots: [UInt32] = []
        for _ in 0..<700_000 {
            if case .comeBack(let milliseconds) = control.arrived(.resume, now: 0) { slots.append(milliseconds) }
        }
        let beyond = slots.suffix(50_000)
        #expect(slots.allSatisfy { $0 <= 120_000 })
        #expect(beyond.allSatisfy { $0 >= 60_000 })
        #expect(Set(beyond).count > 20_000)
    }

    @Test func `a slow disk that was never seen without a storm is no reason to hold openings back`() {
        var machine = Machine(Self.control(inFlightMax: 1_000), perSecond: 1_000)
        machine.commitMicroseconds = 30_000
        machine.sentPerSecond = 100
        machine.run(milliseconds: 1_000, arriving: 5_000)
        #expect(machine.control.inFlightLimit > 64)
    }
}
