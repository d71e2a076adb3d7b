import Testing

@testable import holdfast_load

/// What an open loop rests on: times are fixed, and a latency counts from then.
@Suite struct ScheduleTests {
    @Test func `things are due at fixed times whatever is asked in between`() {
        let schedule = Schedule(startAt: 1_000, perSecond: 1_000_000)
        #expect((0..<3).map(schedule.due) == [1_000, 2_000, 3_000])
        #expect(schedule.dueCount(at: 999) == 0)
        #expect(schedule.dueCount(at: 1_000) == 1)
        #expect(schedule.dueCount(at: 2_999) == 2)
        #expect(schedule.dueCount(at: 9_000) == 9)
    }

    @Test func `no more are due than there are`() {
        #expect(Schedule(startAt: 0, perSecond: 1_000, count: 3).dueCount(at: 1_000_000_000) == 3)
    }

    @Test(arguments: [("max", Rate.max), ("0.5", .perSecond(0.5)), ("20000", .perSecond(20_000))])
    func `rates are read`(text: String, rate: Rate) { #expect(Rate(argument: text) == rate) }

    @Test(arguments: ["0", "-1", "fast", "", "nan", "1e12"])
    func `other words are no rates`(text: String) { #expect(Rate(argument: text) == nil) }

    @Test func `a flow's streams take turns as messages become due`() {
        let workload = Workload(window: 8, bodyBytes: 100)
        for sender in 0..<3 { workload.add(sender: sender, receiver: sender, name: "r\(sender)") }
        workload.flows[0].schedule = Schedule(startAt: 0, perSecond: 1e9)
        #expect(workload.takeDue(0, 3) == [0, 1, 2, 0])
        #expect((0..<3).map { workload.flows[0].allowance($0) } == [2, 1, 1])
        #expect(workload.flows[0].overdue == 4)
        #expect(workload.takeDue(0, 3) == [])
    }

    @Test func `an ended flow has nothing due any more`() {
        let workload = Workload(window: 8, bodyBytes: 100)
        workload.add(sender: 0, receiver: 1, name: "r")
        workload.flows[0].schedule = Schedule(startAt: 0, perSecond: 1e9)
        _ = workload.takeDue(0, 1)
        workload.end(0)
        #expect(workload.takeDue(0, 100) == [])
        #expect(!workload.wantsRefill(0))
    }

    @Test func `a phone waits until it is due, and one that was missing isn't the generator's fault`() {
        var queue = ConnectQueue()
        queue.schedule = Schedule(startAt: 100, perSecond: 1e8)
        queue.append(contentsOf: 7..<9)
        #expect(queue.next(99) == nil)
        #expect(queue.next(130) == 7)
        #expect(queue.attemptedAt == 100)
        #expect(queue.next(130) == 8)
        #expect(queue.next(130) == nil)
        #expect(queue.overdue(130) == 2)
        // The third was due at 120, and nobody was there until 130.
        queue.append(contentsOf: 9..<10)
        #expect(queue.next(130) == 9)
        #expect(queue.attemptedAt == 120)
        #expect(queue.lags.count == 3)
        #expect(queue.inFlight == 3)
    }

    @Test func `the worst quarter of a second counts whole ones only`() {
        var course = Course(startAt: 0)
        let step: UInt64 = 250_000_000
        for (index, count) in [10, 2, 10, 1].enumerated() {
            for _ in 0..<count { course.count(UInt64(index) * step + 1) }
        }
        #expect(course.lowestPerSecond(from: 0, to: 4 * step) == 4)
        #expect(course.lowestPerSecond(from: 0, to: 3 * step + 5) == 8)
        #expect(course.lowestPerSecond(from: 1, to: step) == nil)
        #expect(course.lowestPerSecond(from: 4 * step, to: 5 * step) == 0)
    }
}
