/// The keys that tickets are sealed with, oldest first.
///
/// A key is retired by counting newer ones, never by the clock alone: each generation stands for one key period, and as many are
/// kept as a ticket can live through. A wall clock that jumps forward makes at most one new generation at a start, so that it
/// can't make good tickets worthless.
package struct TicketKeys: Equatable, Sendable {
    package struct Generation: Equatable, Sendable {
        /// 1 for the first, rising by 1.
        package var number: UInt64
        /// Seconds since 1970, as the clock was when it was made.
        package var madeAt: UInt64
        /// 32 bytes.
        package var secret: [UInt8]

        package init(number: UInt64, madeAt: UInt64, secret: [UInt8]) {
            self.number = number
            self.madeAt = madeAt
            self.secret = secret
        }

        /// What tickets name it by.
        package var id: UInt16 { UInt16(truncatingIfNeeded: number) }
    }

    package private(set) var generations: [Generation]

    package init(firstSecret: [UInt8], now: UInt64) {
        generations = [Generation(number: 1, madeAt: now, secret: firstSecret)]
    }

    /// Nil unless there is one at least, and their numbers rise.
    package init?(_ generations: [Generation]) {
        let areRising = zip(generations, generations.dropFirst()).allSatisfy { $0.number < $1.number }
        guard let first = generations.first, first.number > 0, areRising else { return nil }
        self.generations = generations
    }

    /// Adds a generation; of the older ones `keptMax` stay.
    package mutating func rotate(secret: [UInt8], now: UInt64, keptMax: Int) {
        guard let newest = generations.last else { preconditionFailure("there is always a ticket key") }
        generations.append(Generation(number: newest.number + 1, madeAt: now, secret: secret))
        if generations.count > keptMax + 1 { generations.removeFirst(generations.count - keptMax - 1) }
    }

    /// A newest key that was made later than now was made while the clock was ahead: its period begins now, or it would last until then.
    /// - Returns: whether that was so.
    package mutating func correctTimes(now: UInt64) -> Bool {
        guard let newest = generations.last, newest.madeAt > now else { return false }
        generations[generations.count - 1].madeAt = now
        return true
    }

    /// Whether the newest key has served its period, by the wall clock: for a start. A running gateway counts monotonic time.
    package func isDue(now: UInt64, periodSeconds: UInt64) -> Bool {
        guard let newest = generations.last else { return true }
        return now >= newest.madeAt && now - newest.madeAt >= periodSeconds
    }

    /// How many older keys a ticket of `lifetimeSeconds` can need: one for each period that it lives through, and one for the period
    /// that was under way when it was sealed.
    package static func keptMax(lifetimeSeconds: UInt64, periodSeconds: UInt64) -> Int {
        Int((lifetimeSeconds + periodSeconds - 1) / periodSeconds) + 1
    }
}
