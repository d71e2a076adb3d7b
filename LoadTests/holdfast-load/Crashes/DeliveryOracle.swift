import Foundation

/// Says whether what receivers have written down is what was sent: all of it, once, in order, and nothing else.
///
/// A user's receiver also gets what the user sends from elsewhere, from the moment on at which the gateway knows that receiver; of those
/// lines it may lack a beginning, and an end that is still on its way.
///
/// A backend's pushes are there, too: each once, at the position that its answer says, and the lines of an upload in their order.
struct DeliveryOracle: Sendable {
    let conversations: Conversations
    /// Lines of each feed that were given to its sender.
    private(set) var lineCounts: [Int]

    /// Nothing sent yet.
    init(_ conversations: Conversations) {
        self.conversations = conversations
        lineCounts = conversations.feeds.map { _ in 0 }
    }

    /// The next lines of a feed.
    mutating func addLines(_ count: Int, to feed: Int) -> [String] {
        defer { lineCounts[feed] += count }
        return (0..<count).map { conversations.line(lineCounts[feed] + 1 + $0, of: feed) }
    }

    /// What is wrong with the files of all receivers.
    /// - Parameters:
    ///   - files: user -> lines as `holdfast receive --output` writes them.
    ///   - pushes: what the backend knew after the files were read.
    ///   - isComplete: all must have arrived; else what is there must be right.
    func violations(_ files: [String: [UInt8]], pushes: PushOracle, isComplete: Bool) -> [String] {
        var violations: [String] = []
        var orders: [String: [Delivery]] = [:]
        for user in conversations.users {
            var reading = Reading(oracle: self, pushes: pushes, user: user)
            let file = files[user] ?? []
            // A line without its end is just being written, or was when its receiver was killed, who cuts it when he starts again.
            let end = isComplete ? file.count : (file.lastIndex(of: UInt8(ascii: "\n")) ?? -1) + 1
            for line in file[..<end].split(separator: UInt8(ascii: "\n")) { reading.take(line) }
            reading.requirePushes(all: isComplete)
            if isComplete { reading.requireAll() }
            violations += reading.violations
            orders[user] = reading.deliveries
        }
        return violations.isEmpty && isComplete ? orderViolations(orders) : violations
    }

    /// Both members of a conversation see its messages in one order.
    private func orderViolations(_ orders: [String: [Delivery]]) -> [String] {
        conversations.feeds.indices.compactMap { feed in
            let members = [conversations.feeds[feed].from, conversations.feeds[feed].to]
            let shared = conversations.feeds.indices.filter {
                Set([conversations.feeds[$0].from, conversations.feeds[$0].to]) == Set(members)
            }
            let views = members.map { member in (orders[member] ?? []).filter { shared.contains($0.feed) } }
            let common = Set(views[0]).intersection(views[1])
            let orders = views.map { view in view.filter { common.contains($0) } }
            guard let (one, other) = zip(orders[0], orders[1]).first(where: { $0 != $1 }) else { return nil }
            return "\(members[0]) has \(one) where \(members[1]) has \(other): not one order"
        }
    }

    /// A line that has arrived.
    fileprivate struct Delivery: Hashable, CustomStringConvertible {
        var feed: Int
        var number: Int
        var description: String { "line \(feed).\(number)" }
    }
}

/// One receiver's file, read from its start.
private struct Reading {
    private struct Line: Decodable {
        var position: UInt64
        var user: String
        var from: String?
        var to: String?
        var text: String?
        var gap: String?
        var `repeat`: Bool?
    }

    let oracle: DeliveryOracle
    let pushes: PushOracle
    let user: String
    private(set) var violations: [String] = []
    private(set) var deliveries: [DeliveryOracle.Delivery] = []
    private var lastPosition: UInt64 = 0
    /// All lines so far are marked as repeats.
    private var isMarked = true
    private var arrived: [Int: Int] = [:]
    private var arrivedPushes: Set<PushID> = []
    /// Of each upload.
    private var lastLines: [Int: Int] = [:]
    /// What follows the first wrong lines is of no use.
    private static let violationsMax = 5

    init(oracle: DeliveryOracle, pushes: PushOracle, user: String) {
        self.oracle = oracle
        self.pushes = pushes
        self.user = user
    }

    mutating func take(_ bytes: ArraySlice<UInt8>) {
        guard violations.count < Self.violationsMax else { return }
        guard let line = try? JSONDecoder().decode(Line.self, from: Data(bytes)) else {
            return report("a line that isn't one: \(String(decoding: bytes.prefix(80), as: UTF8.self).debugDescription)")
        }
        if line.position <= lastPosition { report("position \(line.position) after \(lastPosition)") }
        lastPosition = line.position
        if line.user != user { report("a line of \(line.user)'s stream") }
        // A receiver that was killed before its first line found an empty file, which says nothing of what it was handed.
        if line.repeat != true { isMarked = false } else if !isMarked { report("a repeat at position \(line.position)") }
        if let gap = line.gap { return report("a gap (\(gap)) at position \(line.position)") }
        if line.from == PushPlan.sender { return takePush(line) }
        guard let text = line.text, let (feed, number) = oracle.conversations.find(text) else {
            return report("a message that nobody has sent: \(line.text?.prefix(80) ?? "no text")")
        }
        let expected = oracle.conversations.feeds[feed]
        guard line.from == expected.from, line.to == expected.to, [expected.from, expected.to].contains(user) else {
            let way = "\(line.from ?? "?") to \(line.to ?? "?")"
            return report("line \(feed).\(number), which is from \(expected.from) to \(expected.to), from \(way)")
        }
        take(DeliveryOracle.Delivery(feed: feed, number: number), position: line.position)
    }

    private mutating func take(_ delivery: DeliveryOracle.Delivery, position: UInt64) {
        let isOwn = oracle.conversations.feeds[delivery.feed].from == user
        let next = arrived[delivery.feed].map { $0 + 1 } ?? (isOwn ? delivery.number : 1)
        if delivery.number > oracle.lineCounts[delivery.feed] { return report("\(delivery), which wasn't sent yet") }
        if delivery.number < next { return report("\(delivery) doubled or out of order at position \(position): \(next) was next") }
        if delivery.number > next { report("lines \(delivery.feed).\(next) to \(delivery.number - 1) lost before \(delivery)") }
        arrived[delivery.feed] = delivery.number
        deliveries.append(delivery)
    }

    private mutating func takePush(_ line: Line) {
        guard let id = line.text.flatMap(pushes.plan.find), pushes.isAsked(id), line.to == user, pushes.plan.push(id).to.contains(user)
        else { return report("a push that nobody has made for him: \(line.text?.prefix(80) ?? "no text")") }
        if !arrivedPushes.insert(id).inserted { report("\(id) doubled at position \(line.position)") }
        if let answer = pushes.answers[id], answer.position != String(line.position) {
            report("\(id) at position \(line.position), and the gateway has answered \(answer.position)")
        }
        guard case .line(let number, let upload) = id else { return }
        let last = lastLines[upload, default: 0]
        if number <= last { return report("\(id) out of order after line \(last)") }
        for earlier in last..<number where earlier > last && pushes.plan.push(.line(earlier, upload: upload)).to.contains(user) {
            report("line \(earlier) of upload \(upload) lost before \(id)")
        }
        lastLines[upload] = number
    }

    /// A push that was answered must be there where the file is past its position.
    mutating func requirePushes(all: Bool) {
        let missing = pushes.asked.filter { id in
            guard !arrivedPushes.contains(id), pushes.plan.push(id).to.contains(user) else { return false }
            return all || (pushes.answers[id].flatMap { UInt64($0.position) } ?? .max) < lastPosition
        }
        if let first = missing.first { report("lost \(missing.count) pushes, the first of them \(first)") }
    }

    mutating func requireAll() {
        for (feed, members) in oracle.conversations.feeds.enumerated()
        where members.to == user && arrived[feed, default: 0] < oracle.lineCounts[feed] {
            report("lines \(feed).\(arrived[feed, default: 0] + 1) to \(oracle.lineCounts[feed]) lost at the end")
        }
    }

    private mutating func report(_ text: String) { violations.append("\(user) has \(text)") }
}
