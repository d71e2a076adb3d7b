import Testing

@testable import holdfast

@Suite struct TrialReportsTests {
    @Test func `that it still tries is said after a minute, and then in ever longer steps`() {
        let start = ContinuousClock.now
        var reports = TrialReports()
        var minutes: [Int] = []
        for second in stride(from: 0, through: 4 * 3600, by: 5) {
            let now = start + .seconds(second)
            reports.failed("Nobody answers.", now: now)
            if let text = reports.report(now: now) {
                if minutes.isEmpty { #expect(text == "Still trying, for 1m now. Nobody answers.") }
                minutes.append(second / 60)
            }
        }
        #expect(minutes == [1, 2, 5, 10, 20, 40, 60, 120, 180, 240])
    }

    @Test func `nothing is said while it works, and a new failure begins anew`() {
        let start = ContinuousClock.now
        var reports = TrialReports()
        #expect(reports.report(now: start + .seconds(100)) == nil)
        reports.failed("a", now: start)
        reports.connected()
        #expect(reports.report(now: start + .seconds(100)) == nil)
        reports.failed("b", now: start + .seconds(100))
        #expect(reports.report(now: start + .seconds(159)) == nil)
        #expect(reports.report(now: start + .seconds(4000)) == "Still trying, for 65m now. b")
        #expect(reports.report(now: start + .seconds(4005)) == nil, "what was missed is not made up for")
    }
}
