import ArgumentParser

/// How fast a scenario goes: at a rate of its own, or as fast as the gateway answers.
enum Rate: Equatable, Sendable, ExpressibleByArgument {
    /// Open loop: so many a second are due at fixed times, and latencies count from then.
    case perSecond(Double)
    /// Closed loop: the next one begins when one is answered. Latencies say nothing about a steady load.
    case max

    init?(argument: String) {
        if argument == "max" {
            self = .max
        } else if let value = Double(argument), value > 0, value <= 10_000_000 {
            self = .perSecond(value)
        } else {
            return nil
        }
    }

    var defaultValueDescription: String {
        switch self {
        case .perSecond(let value): value == value.rounded() ? String(Int(value)) : String(value)
        case .max: "max"
        }
    }

    /// What is due in a second; nil: as much as goes.
    var perSecond: Double? { if case .perSecond(let value) = self { value } else { nil } }

    /// The schedule of an open loop that begins now; nil: a closed loop.
    /// - Parameters:
    ///   - seconds: how long it lasts; nil: until it is ended.
    ///   - share: this process's part of the rate.
    func schedule(seconds: Double? = nil, share: Double = 1) -> Schedule? {
        guard let value = perSecond else { return nil }
        return Schedule(
            startAt: Fleet.nanoseconds, perSecond: value * share, count: seconds.map { Int(($0 * value * share).rounded()) } ?? .max)
    }

    /// Throws if an option is given that means something with `--rate max` only.
    func refuse(_ option: String, isGiven: Bool) throws {
        if isGiven && self != .max { throw ValidationError("\(option) needs --rate max: with a number, --rate says when things are due") }
    }
}
