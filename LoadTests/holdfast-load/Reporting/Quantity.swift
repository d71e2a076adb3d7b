import Foundation

/// What a figure counts, and so how it is written.
enum Quantity: Sendable, Hashable {
    case count
    case ratio
    case seconds
    case microseconds
    case bytes
    case cores
    case perSecond
    /// Percentiles by their nines: 0 is 0 %, 1 is 90 %, 2 is 99 %.
    case nines

    /// That of a figure with a name in camel case, such as `secondsToLastMessage`.
    init(named name: String) {
        let words = Self.words(name)
        if words.contains("microseconds") {
            self = .microseconds
        } else if words.contains("bytes") {
            self = .bytes
        } else if words.contains("cores") {
            self = .cores
        } else if name.hasSuffix("PerSecond") {
            self = .perSecond
        } else if words.contains("seconds") {
            self = .seconds
        } else {
            self = .count
        }
    }

    /// `serverPrivateBytes` as `server private bytes`.
    static func title(_ name: String) -> String { words(name).joined(separator: " ") }

    private static func words(_ name: String) -> [String] {
        var words: [String] = []
        for character in name {
            if words.isEmpty || character == " " || (character.isUppercase && words.last?.last?.isUppercase == false) { words.append("") }
            if character != " " { words[words.count - 1].append(character) }
        }
        return words.filter { !$0.isEmpty }.map { $0.allSatisfy(\.isUppercase) ? $0 : $0.lowercased() }
    }

    /// What stands at an axis.
    var unit: String {
        switch self {
        case .count: "number"
        case .ratio: "ratio"
        case .seconds, .microseconds: "time"
        case .bytes: "bytes"
        case .cores: "cores (CPU seconds a second)"
        case .perSecond: "per second"
        case .nines: "percentile (%)"
        }
    }

    /// A value with its unit, as people read it.
    func text(_ value: Double) -> String {
        guard value.isFinite else { return "–" }
        switch self {
        case .count: return Self.digits(value)
        case .ratio: return Self.digits(value)
        case .seconds: return Self.scaled(value, [(1e-6, "µs"), (1e-3, "ms"), (1, "s")])
        case .microseconds: return Self.scaled(value, [(1, "µs"), (1e3, "ms"), (1e6, "s")])
        case .bytes: return Self.scaled(value, [(1, "B"), (1e3, "kB"), (1e6, "MB"), (1e9, "GB")])
        case .cores: return Self.digits(value)
        case .perSecond: return Self.digits(value) + "/s"
        case .nines: return Self.percentile(value)
        }
    }

    /// A value at an axis: short.
    func tick(_ value: Double) -> String {
        guard self == .count || self == .perSecond else { return text(value) }
        return abs(value) < 10_000 ? Self.digits(value) : Self.scaled(value, [(1e3, "k"), (1e6, "M"), (1e9, "G")])
    }

    private static func scaled(_ value: Double, _ units: [(Double, String)]) -> String {
        let unit = units.last { abs(value) >= $0.0 * 0.9995 } ?? units[0]
        return "\(digits(value / unit.0)) \(unit.1)"
    }

    /// So many significant digits, all of those before the point, and no zeros at the end.
    static func digits(_ value: Double, _ significant: Int = 3) -> String {
        guard value.isFinite else { return "–" }
        guard abs(value) < 1e15 else { return String(format: "%.3g", value) }
        if value == 0 { return "0" }
        let places = max(0, min(9, significant - 1 - Int(log10(abs(value)).rounded(.down))))
        var text = String(format: "%.\(places)f", abs(value))
        if text.contains(".") {
            while text.hasSuffix("0") { text.removeLast() }
            if text.hasSuffix(".") { text.removeLast() }
        }
        let whole = text.prefix { $0 != "." }
        var grouped = ""
        for (index, digit) in whole.enumerated() {
            if index > 0 && (whole.count - index) % 3 == 0 { grouped.append(",") }
            grouped.append(digit)
        }
        return (value < 0 ? "-" : "") + grouped + text.dropFirst(whole.count)
    }

    private static func percentile(_ nines: Double) -> String {
        let places = max(0, Int(nines.rounded(.up)) - 2)
        return String(format: "%.\(places)f", 100 * (1 - pow(10, -nines)))
    }
}
