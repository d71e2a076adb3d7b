import Foundation
import HoldfastTestSupport
import Testing

@testable import HoldfastGateway

@Suite struct TimestampTests {
    @Test func `times are written and read back`() {
        for (milliseconds, text) in [
            (0, "1970-01-01T00:00:00.000Z"), (951_782_400_123, "2000-02-29T00:00:00.123Z"), (1_796_067_459_005, "2026-11-30T19:37:39.005Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"), (4_107_542_399_999, "2100-02-28T23:59:59.999Z"),
        ] as [(UInt64, String)] {
            #expect(Timestamp.text(milliseconds) == text)
            #expect(Timestamp.milliseconds(text) == milliseconds)
        }
        #expect(Timestamp.text(.max) == "9999-12-31T23:59:59.999Z")
        #expect(Timestamp.milliseconds("2026-11-30T20:37:39.5+01:00") == 1_796_067_459_500)
        #expect(Timestamp.milliseconds("2026-11-30t19:37:39z") == 1_796_067_459_000)
        for bad in [
            "2026-11-31T00:00:00Z", "2026-02-29T00:00:00Z", "2026-11-30T24:00:00Z", "2026-11-30T19:37:39", "2026-11-30",
            "1969-12-31T23:59:59Z", "2026-13-01T00:00:00Z", "２026-11-30T19:37:39Z", "",
        ] {
            #expect(Timestamp.milliseconds(bad) == nil, "\(bad)")
        }
    }

    @Test func `times are those of the calendar`() {
        var random = SeededRandom(seed: 11)
        let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        for _ in 0..<2_000 {
            let milliseconds = random.next() % 253_402_300_800_000
            let text = Timestamp.text(milliseconds)
            // The formatter counts in binary fractions: whole seconds are compared with it, the rest directly.
            let seconds = Date(timeIntervalSince1970: Double(milliseconds / 1000)).formatted(style)
            #expect(text.prefix(19) == seconds.prefix(19))
            #expect(text.hasSuffix(String("000\(milliseconds % 1000)Z".suffix(4))))
        }
    }
}
