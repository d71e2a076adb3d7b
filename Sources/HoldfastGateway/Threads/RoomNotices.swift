/// What the log says of the room on the disk: each change once, and not more often than somebody can read while it comes and goes.
struct RoomNotices {
    enum Notice: Equatable {
        case refusing
        case takingAgain
    }

    /// Why messages are refused, as the log said last; nil: they are taken.
    private var cause: String?
    /// When each of the last minute's causes may be named again, in monotonic milliseconds.
    private var dueTimes: [String: UInt64] = [:]

    private static let repeatMilliseconds: UInt64 = 60_000

    /// - Parameter cause: why messages are refused now; nil when they are taken.
    /// - Returns: what is to be logged now.
    mutating func update(_ cause: String?, now: UInt64) -> Notice? {
        guard cause != self.cause else { return nil }
        guard let cause else {
            self.cause = nil
            return .takingAgain
        }
        dueTimes = dueTimes.filter { $0.value > now }
        guard dueTimes[cause] == nil else { return nil }
        dueTimes[cause] = now + Self.repeatMilliseconds
        self.cause = cause
        return .refusing
    }
}
