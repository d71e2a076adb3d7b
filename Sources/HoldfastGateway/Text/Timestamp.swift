/// Times as answers, lines and the log have them (RFC 3339), from and to milliseconds since 1970. Calendars of the system would cost more than the rest of an answer.
package enum Timestamp {
    /// The last one that has four digits for its year.
    package static let millisecondsMax: UInt64 = 253_402_300_799_999

    /// In UTC, with milliseconds: 2026-11-30T19:37:39.123Z. What is beyond year 9999 is a broken clock, and shown as its end.
    package static func text(_ milliseconds: UInt64) -> String {
        let milliseconds = min(milliseconds, millisecondsMax)
        let (days, rest) = (Int(milliseconds / 86_400_000), Int(milliseconds % 86_400_000))
        let (year, month, day) = date(days)
        var text: [UInt8] = []
        text.reserveCapacity(24)
        func add(_ number: Int, _ digits: Int, _ end: Unicode.Scalar) {
            var divisor = digits == 4 ? 1000 : digits == 3 ? 100 : 10
            while divisor > 0 {
                text.append(UInt8(ascii: "0") + UInt8(number / divisor % 10))
                divisor /= 10
            }
            text.append(UInt8(ascii: end))
        }
        add(year, 4, "-")
        add(month, 2, "-")
        add(day, 2, "T")
        add(rest / 3_600_000, 2, ":")
        add(rest / 60_000 % 60, 2, ":")
        add(rest / 1000 % 60, 2, ".")
        add(rest % 1000, 3, "Z")
        return String(decoding: text, as: UTF8.self)
    }

    /// Reads a time with its zone, such as 2026-11-30T19:37:39Z or 2026-11-30T20:37:39.5+01:00; nil: it is none, or before 1970.
    package static func milliseconds(_ text: String) -> UInt64? {
        let pattern = /(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:([Zz])|([+-])(\d\d):(\d\d))/
        guard text.utf8.allSatisfy({ $0 < 0x80 }), let match = text.wholeMatch(of: pattern) else { return nil }
        func number(_ part: Substring?) -> Int { part.flatMap { Int($0) } ?? 0 }
        let (year, month, day) = (number(match.1), number(match.2), number(match.3))
        let (hour, minute, second) = (number(match.4), number(match.5), number(match.6))
        let (zoneHour, zoneMinute) = (number(match.10), number(match.11))
        // A leap second is the next one.
        guard (1...12).contains(month), hour < 24, minute < 60, second <= 60, zoneHour < 24, zoneMinute < 60 else { return nil }
        let days = days(year, month, day)
        guard date(days) == (year, month, day) else { return nil }
        let zone = (zoneHour * 60 + zoneMinute) * (match.9 == "-" ? -1 : 1)
        let fraction = number(match.7.map { ($0 + "00").prefix(3) })
        let milliseconds = (days * 86_400 + hour * 3600 + (minute - zone) * 60 + second) * 1000 + fraction
        return UInt64(exactly: milliseconds)
    }

    /// The date that is so many days after 1970-01-01. Years begin with March here, so that a leap day is a year's last.
    private static func date(_ days: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }

    private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear - 399) / 400
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}
