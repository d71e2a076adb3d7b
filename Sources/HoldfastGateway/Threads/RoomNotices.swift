/// What the log says of the room on the disk: each change once, and not more often than somebody can read while it comes and goes.
struct RoomNotices {
    enum Notice: Equatable {
        case refusing
        case takingAgain
        /// Messages are taken, and will soon be refused.
        case nearlyFull
    }

    private let nearBytes: Int
    private var isNear = false

    /// - Parameter nearBytes: the room below which it is said that it will soon be gone.
    init(nearBytes: Int) { self.nearBytes = nearBytes }

    /// Why messages are refused, as the log said last; nil: they are taken.
    private var cause: String?
    /// When each of the last minute's causes may be named again, in monotonic milliseconds.
    private var dueTimes: [String: UInt64] = [:]

    private static let repeatMilliseconds: UInt64 = 60_000

    /// - Parameters:
    ///   - cause: why messages are refused now; nil when they are taken.
    ///   - roomBytes: how much may be stored before they are.
    /// - Returns: what is to be logged now.
    mutating func update(_ cause: String?, roomBytes: Int, now: UInt64) -> Notice? {
        let wasNear = isNear
        // Said again only when it has been well in between: room comes and goes a little with each checkpoint.
        if roomBytes < nearBytes { isNear = true } else if roomBytes >= 2 * nearBytes { isNear = false }
        guard cause != self.cause else { return isNear && !wasNear && cause == nil ? .nearlyFull : nil }
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
