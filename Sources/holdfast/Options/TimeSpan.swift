internal import ArgumentParser

/// A time span as it is written on a command line: `90`, `90s`, `0.5s`, `15m`, `1h`, `7d`.
struct TimeSpan: Equatable, Sendable, ExpressibleByArgument {
    /// At least 1.
    var milliseconds: UInt64

    /// The longest that is taken: ten years.
    static let secondsMax = 3650.0 * 86_400

    /// So many seconds.
    init(seconds: UInt64) { milliseconds = seconds * 1000 }

    /// Nil when `argument` is not a decimal number with at most one unit of s, m, h, d, or less than a millisecond, or too long.
    init?(argument: String) {
        let units: [Character: Double] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
        var digits = argument[...]
        var unit = 1.0
        if let last = argument.last, let known = units[last] {
            unit = known
            digits = digits.dropLast()
        }
        // Double takes more than decimals: signs, exponents, "inf".
        guard digits.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 || $0 == UInt8(ascii: ".") }),
            let number = Double(digits)
        else { return nil }
        let seconds = number * unit
        guard 0.001...Self.secondsMax ~= seconds else { return nil }
        milliseconds = UInt64((seconds * 1000).rounded())
    }

    /// Whole seconds, rounded up.
    var seconds: UInt64 { (milliseconds + 999) / 1000 }

    /// As a task's sleep takes it.
    var duration: Duration { .milliseconds(milliseconds) }

    /// In words, the shortest way.
    var text: String {
        guard milliseconds.isMultiple(of: 1000) else { return "\(Double(milliseconds) / 1000)s" }
        for (unit, name) in [(UInt64(86_400), "d"), (3600, "h"), (60, "m")] where seconds.isMultiple(of: unit) {
            return "\(seconds / unit)\(name)"
        }
        return "\(seconds)s"
    }

    /// What help shows as the default.
    var defaultValueDescription: String { text }
}
