/// Times as `2026-01-31T23:59:59.123Z`.
enum Timestamp {
    /// The text of a time in milliseconds since 1970, UTC. Written by hand because a formatter costs more than the rest of a line.
    static func text(_ milliseconds: UInt64) -> String {
        let (seconds, fraction) = milliseconds.quotientAndRemainder(dividingBy: 1000)
        let (days, second) = seconds.quotientAndRemainder(dividingBy: 86_400)
        // What is beyond year 9999 is a broken clock, and shown as its last day.
        let (year, month, day) = date(daysSince1970: Int(min(days, 2_932_896)))
        let time = "\(padded(second / 3600, 2)):\(padded(second / 60 % 60, 2)):\(padded(second % 60, 2)).\(padded(fraction, 3))"
        return "\(padded(UInt64(year), 4))-\(padded(UInt64(month), 2))-\(padded(UInt64(day), 2))T\(time)Z"
    }

    /// Years are counted from March on, so that the leap day is the last of a year, and by eras of 400 years, which are all alike.
    private static func date(daysSince1970 days: Int) -> (year: Int, month: Int, day: Int) {
        let sinceEra0 = days + 719_468
        let era = sinceEra0 / 146_097
        let dayOfEra = sinceEra0 % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        return (era * 400 + yearOfEra + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
    }

    private static func padded(_ number: UInt64, _ width: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
    }
}
