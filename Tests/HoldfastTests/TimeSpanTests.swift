import Testing

@testable import holdfast

@Suite struct TimeSpanTests {
    @Test(arguments: [
        ("90", UInt64(90_000)), ("90s", 90_000), ("0.5", 500), ("0.25s", 250), ("15m", 900_000), ("1h", 3_600_000), ("1.5h", 5_400_000),
        ("7d", 604_800_000), ("3650d", 315_360_000_000),
    ])
    func `reads numbers with a unit`(text: String, milliseconds: UInt64) {
        #expect(TimeSpan(argument: text)?.milliseconds == milliseconds)
    }

    @Test(arguments: [
        "", "h", "0", "0s", "-1h", "+1h", "1e3", "inf", "nan", "1w", "1 h", "1hh", "3651d", "99999999999999999999d", "0.0001s", ".",
    ])
    func `refuses what is no time`(text: String) {
        #expect(TimeSpan(argument: text) == nil)
    }

    @Test func `seconds are rounded up, and the text is short`() {
        #expect(TimeSpan(argument: "1.2s")?.seconds == 2)
        #expect(TimeSpan(seconds: 3600).text == "1h")
        #expect(TimeSpan(seconds: 90).text == "90s")
        #expect(TimeSpan(argument: "0.5")?.text == "0.5s")
    }
}
