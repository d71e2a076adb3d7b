import Testing

@testable import holdfast_load

/// What crash and powercut say of a backend's answers, and of its pushes in receivers' files: each broken promise must be found.
@Suite struct PushOracleTests {
    private let conversations = Conversations(users: 3, seed: 5)
    private let plan = PushPlan(users: Conversations(users: 3, seed: 5).users, seed: 5)

    /// Twenty pushes and an upload of twenty lines.
    private func oracle() -> PushOracle {
        var oracle = PushOracle(plan)
        _ = oracle.addPushes(20)
        _ = oracle.addUpload(lines: 20)
        return oracle
    }

    private func answer(_ id: PushID, at position: Int, replayed: Bool = false, refusing refused: String? = nil) -> PushAnswer {
        let recipients = plan.push(id).to.map { user in
            PushAnswer.Recipient(
                user: user, position: user == refused ? nil : "\(position)", refusal: user == refused ? "invalidRecipient" : nil)
        }
        return PushAnswer(position: "\(position)", replayed: replayed, recipients: recipients)
    }

    private var withStranger: Int? {
        (2...20).first { number in
            let push = plan.push(.single(number))
            return push.mustExist && push.to.contains { $0.hasPrefix("stranger") }
        }
    }

    @Test func `texts are found again, and only those that were planned`() {
        for id in oracle().asked { #expect(plan.find(plan.push(id).text) == id) }
        #expect(plan.find("push.2 made up") == nil)
        #expect(plan.find("upload.1") == nil)
    }

    @Test func `a repeat that is answered as the first passes`() throws {
        let number = try #require(withStranger)
        let stranger = try #require(plan.push(.single(number)).to.first { $0.hasPrefix("stranger") })
        var oracle = oracle()
        for isRepeat in [false, true] {
            oracle.willPush(number)
            oracle.take(answer(.single(number), at: 7, replayed: isRepeat, refusing: stranger), to: number)
        }
        #expect(oracle.violations == [])
        #expect(oracle.figures["pushes replayed"] == 1)
        #expect(oracle.figures["pushes answered"] == 1)
    }

    @Test func `a repeat that is stored anew, or refuses others, is found`() throws {
        let number = try #require(withStranger)
        let stranger = try #require(plan.push(.single(number)).to.first { $0.hasPrefix("stranger") })
        let repeats = [
            answer(.single(number), at: 8, replayed: true, refusing: stranger), answer(.single(number), at: 7, refusing: stranger),
            answer(.single(number), at: 7, replayed: true),
        ]
        for again in repeats {
            var oracle = oracle()
            for answer in [answer(.single(number), at: 7, refusing: stranger), again] {
                oracle.willPush(number)
                oracle.take(answer, to: number)
            }
            #expect(oracle.violations.count == 1)
        }
    }

    @Test func `an answer for others, a refusal of a user, and one position for two are found`() {
        var oracle = oracle()
        for number in [1, 2] { oracle.willPush(number) }
        oracle.take(answer(.single(1), at: 7, refusing: conversations.users[0]), to: 1)
        #expect(oracle.violations.count == 1)
        oracle.take(answer(.single(2), at: 7), to: 2)
        #expect(oracle.violations.count == 2)
        oracle.willPush(3)
        oracle.take(PushAnswer(position: "9", replayed: false, recipients: []), to: 3)
        #expect(oracle.violations.count == 3)
    }

    @Test func `an upload that lost an answered line, or has one that wasn't sent, is found`() {
        var oracle = oracle()
        for line in 1...3 {
            oracle.willSend(line: line, of: 1)
            oracle.take(answer(.line(line, upload: 1), at: 10 + line), toLine: line, of: 1)
        }
        oracle.willSend(line: 4, of: 1)
        oracle.take(stored: 4, at: "14", of: 1)
        #expect(oracle.violations == [])
        #expect(oracle.nextLine(of: 1) == 5)
        #expect(oracle.figures["lines stored without an answer"] == 1)
        oracle.take(stored: 2, at: "12", of: 1)
        oracle.take(stored: 5, at: "15", of: 1)
        #expect(oracle.violations.count == 2)
    }

    private func line(_ position: Int, _ id: PushID, at user: String) -> String {
        "{\"position\":\(position),\"user\":\"\(user)\",\"from\":\"backend\",\"to\":\"\(user)\",\"text\":\"\(plan.push(id).text)\"}\n"
    }

    private func violations(_ lines: [String], _ pushes: PushOracle) -> [String] {
        DeliveryOracle(conversations).violations(["user0": Array(lines.joined().utf8)], pushes: pushes, isComplete: false)
    }

    @Test func `pushes that are lost, doubled or elsewhere than answered are found in a receiver's file`() {
        var oracle = oracle()
        oracle.willPush(1)
        oracle.take(answer(.single(1), at: 7), to: 1)
        let other = PushID.single((2...20).first { plan.push(.single($0)).to.contains("user0") } ?? 1)
        #expect(violations([line(7, .single(1), at: "user0"), line(8, other, at: "user0")], oracle) == [])
        #expect(violations([line(8, other, at: "user0")], oracle).contains { $0.contains("lost 1 pushes") })
        #expect(
            violations([line(7, .single(1), at: "user0"), line(8, .single(1), at: "user0")], oracle).contains { $0.contains("doubled") })
        #expect(violations([line(6, .single(1), at: "user0")], oracle).contains { $0.contains("answered 7") })
    }

    @Test func `lines of an upload that are out of order or have a hole are found`() {
        let lines = (1...20).filter { plan.push(.line($0, upload: 1)).to.contains("user0") }.map { PushID.line($0, upload: 1) }
        let (first, second) = (lines[0], lines[1])
        #expect(violations([line(1, first, at: "user0"), line(2, second, at: "user0")], oracle()) == [])
        #expect(violations([line(1, second, at: "user0"), line(2, first, at: "user0")], oracle()).count == 2)
        #expect(violations([line(1, second, at: "user0")], oracle()).contains { $0.contains("lost before") })
    }
}
