internal import HoldfastCore
internal import Logging

/// How much room there is for messages, who holds it, and what the log says of it.
///
/// Room is counted by a reader: every second while it is low, because nothing may be committed then that would lead to it; and now and then
/// while messages come, so that views of commands that died are let go of, and those that stand still are seen.
struct RoomWatch {
    private let storage: any Storage
    private let logger: Logger
    private var roomNotices: RoomNotices
    private var readerNotices = ReaderNotices()
    /// When it is counted next, in monotonic milliseconds.
    private var nextCount: UInt64 = 0
    private var isCountDue = false
    /// A reader counts it, or will: on a slow disk one count at a time.
    private var isCounting = false
    /// When the last commands came, in monotonic milliseconds.
    private var lastUse: UInt64 = 0

    private static let lowMilliseconds: UInt64 = 1_000
    private static let watchMilliseconds: UInt64 = 5_000

    init(_ storage: any Storage, nearBytes: Int, _ logger: Logger) {
        self.storage = storage
        self.logger = logger
        roomNotices = RoomNotices(nearBytes: nearBytes)
    }

    mutating func isUsed(now: UInt64) { lastUse = now }

    mutating func counted() { isCounting = false }

    /// Whether a reader is to count it now.
    mutating func takeCount() -> Bool {
        guard isCountDue, !isCounting else { return false }
        isCountDue = false
        isCounting = true
        return true
    }

    /// How many bytes of records may be stored before new messages have to be refused; 0: they have to be.
    mutating func bytes(checkpoint rows: CheckpointRows, now: UInt64) -> Int {
        let bytes = storage.roomBytes(checkpoint: rows)
        let holder = storage.pageHolder
        // Also for as long as somebody is named: nobody else would see the end of it.
        let isWatched = holder != nil || lastUse &+ Self.watchMilliseconds >= now
        if now >= nextCount, bytes == 0 || isWatched {
            nextCount = now + (bytes == 0 ? Self.lowMilliseconds : Self.watchMilliseconds)
            isCountDue = true
        }
        if let notice = readerNotices.update(holder, now: now) { ReaderNotices.write(notice, to: logger) }
        switch roomNotices.update(bytes == 0 ? storage.lowRoom.cause : nil, roomBytes: bytes, now: now) {
        case .refusing: logger.warning("new messages are refused with storageFull: \(storage.lowRoom.text)")
        case .nearlyFull:
            logger.warning(
                "there is little room left: new messages will be refused with storageFull when recipients that are away have filled it",
                metadata: ["roomBytes": "\(bytes)", "narrowest": "\(storage.lowRoom.text)"])
        case .takingAgain: logger.notice("there is room again: new messages are taken")
        case nil: break
        }
        return bytes
    }
}
