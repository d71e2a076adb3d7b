internal import HoldfastClient

/// What became of the messages of one run.
struct SendLedger: Sendable {
    /// Stored on the gateway's disk, in this run.
    private(set) var durableCount: UInt64 = 0
    /// Refused, or of unknown fate: the number of the input and why.
    private(set) var failures: [UInt64: SendError.Code] = [:]
    /// Put into the outbox by an earlier run.
    var skippedCount: UInt64 = 0
    /// Inputs that earlier runs have taken.
    var takenBefore: UInt64 = 0
    /// Those of them that were still in the outbox at the start.
    var pendingBefore: Set<UInt64> = []
    /// Lines of the input that were read.
    var readCount: UInt64 = 0
    /// The last input that went into the outbox.
    private(set) var enqueuedThrough: UInt64 = 0
    /// The whole input was read and is in the outbox.
    var isInputComplete = false
    /// Bytes of the input, line ends included, that need nothing more: taken by an earlier run, or with an outcome.
    private(set) var settledBytes: UInt64 = 0
    /// Handed to the client and without an outcome.
    private(set) var outstandingCount = 0
    /// When something last moved while messages were outstanding.
    private(set) var lastProgress: ContinuousClock.Instant

    /// Nothing done yet.
    init(now: ContinuousClock.Instant) { lastProgress = now }

    /// Messages are handed to the client.
    mutating func began(_ count: Int, now: ContinuousClock.Instant) {
        // What waits for the next line of a slow input waits for nobody else.
        if outstandingCount == 0 { lastProgress = now }
        outstandingCount += count
    }

    /// An input is in the outbox.
    mutating func enqueued(_ number: UInt64) { enqueuedThrough = max(enqueuedThrough, number) }

    /// A message is stored.
    mutating func stored(bytes: Int = 0, now: ContinuousClock.Instant) {
        durableCount += 1
        settledBytes += UInt64(bytes)
        outstandingCount -= 1
        lastProgress = now
    }

    /// A message never will be stored.
    mutating func failed(_ number: UInt64, _ code: SendError.Code, bytes: Int = 0, now: ContinuousClock.Instant) {
        failures[number] = code
        settledBytes += UInt64(bytes)
        outstandingCount -= 1
        lastProgress = now
    }

    /// Lines of this length are in the outbox of an earlier run.
    mutating func skipped(bytes: Int) { settledBytes += UInt64(bytes) }

    /// How many inputs this run has had stored: all that it has handed over but those that wait and those that never will be. Asked of the outbox
    /// and not counted from outcomes, of which the last are on their way when a run is interrupted.
    /// - Parameter taken: the last input that is, or was, in the outbox.
    func storedCount(taken: UInt64, pending: [UInt64], failed: some Sequence<UInt64>) -> UInt64 {
        let missing = Set(pending).union(failed).filter { ($0 > takenBefore && $0 <= taken) || pendingBefore.contains($0) }
        return taken - min(taken, takenBefore) + UInt64(pendingBefore.count) - UInt64(missing.count)
    }

    /// How far it is, in words.
    /// - Parameter inputBytes: of the whole input, where that is known.
    func progress(of inputBytes: UInt64?) -> String {
        let earlier = skippedCount > 0 ? ", \(skippedCount) of an earlier run" : ""
        // What isn't stored yet is never all of it.
        let share = inputBytes.map { $0 == 0 ? "" : "\(min(99, Int(Double(settledBytes) / Double($0) * 100))) %, " } ?? ""
        return "\(share)\(durableCount) stored, \(outstandingCount) on their way\(earlier)"
    }
}

/// What is said at the end.
struct SendReport: Equatable, Sendable {
    /// Neighbouring inputs that are not stored, for one reason.
    struct Missing: Equatable, Sendable {
        var first: UInt64
        /// Nil: everything from the first on.
        var last: UInt64?
        var reason: String
    }

    /// Why a message that is in the outbox at the end isn't stored.
    enum Waiting: String, Sendable {
        case kept = "not stored yet; kept in the outbox"
        case tooLate = "not stored in time"
        case interrupted = "interrupted; if it was on its way it may be stored"
        case ended = "not known to be stored when the client ended"
    }

    var durableCount: UInt64
    var skippedCount: UInt64
    var missing: [Missing]

    /// - Parameters:
    ///   - failures: numbers of inputs and why they never will be stored.
    ///   - pending: numbers of inputs that are still in the outbox.
    ///   - unreadFrom: the first input that wasn't looked at; nil: all were.
    ///   - waiting: why those in the outbox are not stored.
    init(
        durableCount: UInt64, skippedCount: UInt64, failures: [UInt64: SendError.Code], pending: [UInt64], unreadFrom: UInt64?,
        waiting: Waiting
    ) {
        self.durableCount = durableCount
        self.skippedCount = skippedCount
        var reasons = failures.mapValues { Self.text($0) }
        for number in pending { reasons[number] = waiting.rawValue }
        missing = []
        for (number, reason) in reasons.sorted(by: { $0.key < $1.key }) {
            if let previous = missing.last, previous.reason == reason, let last = previous.last, last + 1 == number {
                missing[missing.count - 1].last = number
            } else {
                missing.append(Missing(first: number, last: number, reason: reason))
            }
        }
        if let unreadFrom { missing.append(Missing(first: unreadFrom, last: nil, reason: "not read")) }
    }

    /// Everything is stored.
    var isComplete: Bool { missing.isEmpty }

    /// One JSON object.
    var json: JSONText {
        JSONText.object { object in
            object.add("complete", isComplete)
            object.add("durable", durableCount)
            object.add("skipped", skippedCount)
            object.add(
                "notDurable",
                list: missing.map { missing in
                    JSONText.object { entry in
                        entry.add("first", missing.first)
                        if let last = missing.last { entry.add("last", last) }
                        entry.add("reason", missing.reason)
                    }
                })
        }
    }

    /// The inputs that are not stored, one line each; `noun` is what an input is called.
    func lines(noun: String) -> [String] {
        missing.map { missing in
            // Only lines have numbers; a single message may be one that an earlier run has left.
            guard missing.first > 0 else { return "\(noun == "line" ? "a message of an earlier run" : "the message"): \(missing.reason)" }
            guard let last = missing.last else { return "\(noun) \(missing.first) and what follows: \(missing.reason)" }
            return missing.first == last
                ? "\(noun) \(missing.first): \(missing.reason)" : "\(noun)s \(missing.first)-\(last): \(missing.reason)"
        }
    }

    private static func text(_ code: SendError.Code) -> String {
        switch code {
        case .inboxFull: "inboxFull: the recipient's inbox is full"
        case .unknownConversation: "unknownConversation"
        case .bodyTooLarge: "bodyTooLarge: longer than the gateway takes (bodyBytesMax)"
        case .invalidRecipient: "invalidRecipient: the recipient's name is not valid"
        case .storageFull: "storageFull: the gateway has no room for messages"
        case .kindUnsupported: "kindUnsupported: the gateway doesn't take this kind"
        case .overloaded: "overloaded: the gateway has too much to do"
        case .notAllowed: "notAllowed: the token doesn't let its user write to this one"
        case .unknown: "unknown: the session ended before an answer came; it may be stored or not"
        case .withdrawn, .outboxFull, .closed, .stateUnwritable: "\(code)"
        }
    }
}
