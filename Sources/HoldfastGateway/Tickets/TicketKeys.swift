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
        /// What tickets name it by.
        package var id: UInt16 { UInt16(truncatingIfNeeded: number) }
    }

    package private(set) var generations: [Generation]

    package init(firstSecret: [UInt8], now: UInt64) {
        generations = [Generation(number: 1, madeAt: now, secret: firstSecret)]
    }

    /// Adds a generation; of the older ones `keptMax` stay.
    package mutating func rotate(secret: [UInt8], now: UInt64, keptMax: Int) {
        guard let newest = generations.last else { preconditionFailure("there is always a ticket key") }
        generations.append(Generation(number: newest.number + 1, madeAt: now, secret: secret))
        if generations.count > keptMax + 1 { generations.removeFirst(generations.count - keptMax - 1) }
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

    // MARK: - The file

    private static let firstLine = "holdfast ticket keys 1"

    /// The file's text: a line for each generation, with number, time and secret.
    package var fileText: String {
        var text = Self.firstLine + "\n"
        for generation in generations { text += "\(generation.number) \(generation.madeAt) \(Hexadecimal.text(generation.secret))\n" }
        return text
    }

    /// nil when `fileText` isn't such a file.
    package init?(fileText: String) {
        var lines = fileText.split(separator: "\n", omittingEmptySubsequences: true)
        guard let first = lines.first, first == Self.firstLine else { return nil }
        lines.removeFirst()
        generations = []
        for line in lines {
            let words = line.split(separator: " ", omittingEmptySubsequences: false)
            guard
                words.count == 3, let number = UInt64(words[0]), let madeAt = UInt64(words[1]), let secret = Hexadecimal.bytes(words[2]),
                secret.count == 32, number > generations.last?.number ?? 0
            else { return nil }
            generations.append(Generation(number: number, madeAt: madeAt, secret: secret))
        }
        guard !generations.isEmpty else { return nil }
    }
}
