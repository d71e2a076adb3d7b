internal import HoldfastClient

/// Finds where an input goes on: lines that an earlier run has put into the outbox are left out.
struct ResumedInput: Sendable {
    /// A line that is to be sent.
    struct Line: Equatable, Sendable {
        var body: [UInt8]
        var tag: SendTag
    }

    /// The input isn't the one that the state has begun with.
    struct DifferentInput: Error, Equatable {
        /// How many lines the state has taken.
        var taken: UInt64
        /// How many the input has, if fewer.
        var available: UInt64?
    }

    private var digest: InputDigest
    private let taken: UInt64
    private let lastTag: SendTag?
    /// Lines seen.
    private(set) var count: UInt64 = 0

    /// - Parameter progress: what the state says of earlier runs.
    init(recipient: String, kind: BodyKindName, progress: InputProgress) {
        digest = InputDigest(recipient: recipient, kind: kind)
        taken = progress.count
        lastTag = progress.lastTag
    }

    /// Lines that were taken before.
    var skippedCount: UInt64 { min(count, taken) }

    /// The next line of the input; nil when it was taken before.
    mutating func next(_ line: ArraySlice<UInt8>) throws(DifferentInput) -> Line? {
        digest.append(line: line)
        count += 1
        guard count <= taken else { return Line(body: Array(line), tag: digest.tag) }
        if count == taken && digest.tag != lastTag { throw DifferentInput(taken: taken, available: nil) }
        return nil
    }

    /// The input is over.
    func finish() throws(DifferentInput) {
        if count < taken { throw DifferentInput(taken: taken, available: count) }
    }
}
