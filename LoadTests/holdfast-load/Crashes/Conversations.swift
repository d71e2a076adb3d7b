import HoldfastTestSupport

/// Who sends to whom in a run, and what: a seed decides every line.
struct Conversations: Sendable {
    /// One direction of a conversation: a sending program's input.
    struct Feed: Equatable, Sendable {
        var from: String
        var to: String
    }

    let feeds: [Feed]
    let users: [String]
    private let seed: UInt64

    /// Each user sends to the next one; the first also to the last, so that one conversation has two directions.
    init(users count: Int, seed: UInt64) {
        let users = (0..<count).map { "user\($0)" }
        self.users = users
        self.seed = seed
        feeds = users.indices.map { Feed(from: users[$0], to: users[($0 + 1) % count]) } + [Feed(from: users[0], to: users[count - 1])]
    }

    /// The line with a number, the first is 1: no two lines are alike, and most have another length.
    func line(_ number: Int, of feed: Int) -> String {
        var random = SeededRandom(seed: seed &+ UInt64(feed), sequence: number)
        let filler = (0..<Int.random(in: 0..<40, using: &random)).map { _ in String(random.next() & 0xFFFF, radix: 36) }
        return "\(feed).\(number) \(filler.joined(separator: "-"))"
    }

    /// The feed and number of a line; nil: no feed has such a line.
    func find(_ text: String) -> (feed: Int, number: Int)? {
        let parts = text.prefix { $0 != " " }.split(separator: ".").compactMap { Int($0) }
        guard parts.count == 2, feeds.indices.contains(parts[0]), parts[1] > 0, line(parts[1], of: parts[0]) == text else { return nil }
        return (parts[0], parts[1])
    }
}
