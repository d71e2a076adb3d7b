import Testing

@testable import holdfast_load

/// The oracle of crash and powercut: each kind of wrong stream must be found, and a right one not.
@Suite struct DeliveryOracleTests {
    // Feeds: 0 from user0 to user1, 1 from user1 to user2, 2 from user2 to user0, 3 from user0 to user2.
    private let conversations = Conversations(users: 3, seed: 5)

    private var noPushes: PushOracle { PushOracle(PushPlan(users: conversations.users, seed: 5)) }

    private func oracle(lines count: Int) -> DeliveryOracle {
        var oracle = DeliveryOracle(conversations)
        for feed in conversations.feeds.indices { _ = oracle.addLines(count, to: feed) }
        return oracle
    }

    private func line(_ position: Int, _ feed: Int, _ number: Int, at user: String, text: String? = nil, _ more: String = "") -> String {
        let (from, to) = (conversations.feeds[feed].from, conversations.feeds[feed].to)
        let text = text ?? conversations.line(number, of: feed)
        return "{\"position\":\(position),\"user\":\"\(user)\",\"from\":\"\(from)\",\"to\":\"\(to)\",\"text\":\"\(text)\"\(more)}\n"
    }

    private func violations(_ lines: [String], at user: String = "user1", of count: Int = 2, isComplete: Bool = false) -> [String] {
        oracle(lines: count).violations([user: Array(lines.joined().utf8)], pushes: noPushes, isComplete: isComplete)
    }

    @Test func `a right stream passes`() {
        var files: [String: [UInt8]] = [:]
        for user in conversations.users {
            var position = 0
            let lines = conversations.feeds.indices.filter { conversations.feeds[$0].to == user }.flatMap { feed in
                (1...2).map { number in
                    position += 1
                    return line(position, feed, number, at: user)
                }
            }
            files[user] = Array(lines.joined().utf8)
        }
        #expect(oracle(lines: 2).violations(files, pushes: noPushes, isComplete: true) == [])
    }

    @Test func `a lost line is found`() {
        #expect(violations([line(1, 0, 2, at: "user1")]).count == 1)
        #expect(violations([line(1, 0, 1, at: "user1")]) == [])
        #expect(violations([line(1, 0, 1, at: "user1")], isComplete: true).contains { $0.contains("lines 0.2 to 2 lost at the end") })
    }

    @Test func `a doubled line is found`() {
        #expect(violations([line(1, 0, 1, at: "user1"), line(2, 0, 1, at: "user1")]).count == 1)
    }

    @Test func `positions that don't rise are found`() {
        #expect(violations([line(2, 0, 1, at: "user1"), line(2, 0, 2, at: "user1")]).count == 1)
    }

    @Test func `foreign lines are found`() {
        #expect(violations([line(1, 2, 1, at: "user1")]).count == 1)
        #expect(violations([line(1, 0, 1, at: "user2")]).count == 1)
        #expect(violations([line(1, 0, 1, at: "user1", text: "0.1 made up")]).count == 1)
        #expect(violations([line(1, 0, 3, at: "user1")]).contains { $0.contains("wasn't sent yet") })
    }

    @Test func `gaps, repeats and broken lines are found`() {
        #expect(violations(["{\"position\":1,\"user\":\"user1\",\"gap\":\"expired\",\"count\":3}\n"]).count == 1)
        #expect(violations([line(1, 0, 1, at: "user1"), line(2, 0, 2, at: "user1", ",\"repeat\":true")], of: 2).count == 1)
        #expect(violations([line(1, 0, 1, at: "user1"), "\0\0\0\n"]).count == 1)
    }

    @Test func `a line without an end is none yet, unless all must be there`() {
        let lines = [line(1, 0, 1, at: "user1"), String(line(2, 0, 2, at: "user1").prefix(30))]
        #expect(violations(lines) == [])
        #expect(violations(lines, isComplete: true).contains { $0.contains("a line that isn't one") })
    }

    // As a receiver writes them that was killed after it was handed the first messages, and before it wrote one.
    @Test func `marks of repeats at the head of a file are none of its faults`() {
        let marked = (1...2).map { line($0, 0, $0, at: "user1", ",\"repeat\":true") }
        #expect(violations(marked + [line(3, 0, 3, at: "user1")], of: 3) == [])
    }

    @Test func `own lines may begin late, but have no hole`() {
        #expect(violations([line(1, 1, 2, at: "user1"), line(2, 1, 3, at: "user1")], of: 4) == [])
        #expect(violations([line(1, 1, 2, at: "user1"), line(2, 1, 4, at: "user1")], of: 4).count == 1)
    }

    @Test func `two orders of one conversation are found`() {
        let first = [line(1, 2, 1, at: "user0"), line(2, 3, 1, at: "user0")]
        let last = [line(1, 3, 1, at: "user2"), line(2, 2, 1, at: "user2"), line(3, 1, 1, at: "user2")]
        let files = [
            "user0": first.joined(), "user1": line(1, 0, 1, at: "user1"), "user2": last.joined(),
        ].mapValues { Array($0.utf8) }
        let violations = oracle(lines: 1).violations(files, pushes: noPushes, isComplete: true)
        #expect(!violations.isEmpty && violations.allSatisfy { $0.contains("not one order") })
    }
}
