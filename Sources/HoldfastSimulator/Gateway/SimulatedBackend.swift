import HoldfastCore
import HoldfastTestSupport
import HoldfastWire

/// A service that pushes, and an operator who asks, by the gateway's port. It keeps nothing, and knows only what it was answered.
final class SimulatedBackend {
    /// The account's user, who has no phone.
    static let user = "shop"

    private enum Request {
        case push(text: Int)
        case question
        case inbox(user: String)
        case hold(HoldRequest)
    }

    private unowned let run: GatewayRun
    private let oracle: Oracle
    let door: Int
    private var lastNumber: UInt64 = 0
    private var requests: [UInt64: Request] = [:]

    init(_ run: GatewayRun, door: Int, _ oracle: Oracle) {
        self.run = run
        self.door = door
        self.oracle = oracle
    }

    func push(_ text: Int, to names: [String], mustExist: Bool) {
        let reply = newReply(.push(text: text))
        var batch = CommandBatch(door: door)
        let account = batch.append(Array(Self.user.utf8))
        let recipients = batch.append(names: names.map { Array($0.utf8) })
        batch.commands.append(
            .push(
                PushCommand(
                    // One upload, so that its messages keep their order.
                    reply: reply, order: OrderKey(ReplyID(door: door, number: 0)), account: account, recipients: recipients,
                    recipientCount: names.count, mustExist: mustExist, key: RequestKey(high: UInt64(door), low: UInt64(text)), kind: .text,
                    tag: 0..<0, body: batch.append(TextBody.bytes(text, size: oracle.texts[text].size)))))
        run.post(.commands(batch, done: nil))
    }

    /// Asks for one user's sessions and what waits for him, and for a page of all users.
    func ask(_ user: String, limit: Int) {
        var batch = CommandBatch(door: door)
        let name = batch.append(Array(user.utf8))
        batch.commands.append(.ask(newReply(.question), .sessions(user: name)))
        batch.commands.append(.ask(newReply(.inbox(user: user)), .inbox(user: name)))
        batch.commands.append(.ask(newReply(.question), .users(after: 0, limit: limit)))
        run.post(.commands(batch, done: nil))
    }

    /// Sets, moves or releases one of a few holds.
    func hold(_ request: HoldRequest) {
        oracle.asksFor(request)
        var batch = CommandBatch(door: door)
        batch.commands.append(.hold(newReply(.hold(request)), batch.append(request)))
        run.post(.commands(batch, done: nil))
    }

    private func newReply(_ request: Request) -> ReplyID {
        lastNumber += 1
        requests[lastNumber] = request
        return ReplyID(door: door, number: lastNumber)
    }

    /// What the core has for the port.
    func take(_ effects: EffectBatch) {
        for reply in effects.replies {
            if let position = reply.answer.position, position >= run.storage.nextPosition {
                run.world.fail("an answer is of position \(position.rawValue), which isn't on the disk")
            }
            guard let request = requests.removeValue(forKey: reply.id.number) else {
                run.world.fail("request \(reply.id.number) of the port is answered twice")
                continue
            }
            switch (request, reply.answer) {
            case (.push(let text), .pushed(let position, let refusals)): oracle.pushed(text, at: position, refusals)
            case (.push(let text), .refused(let code)): oracle.pushRefused(text, code)
            case (.question, .sessions(let found, _)): oracle.answered(found)
            case (.inbox(let user), .inbox(let found, let position)): oracle.answered(found, for: user, at: position)
            case (.question, .users(let page, _)): oracle.answered(page)
            case (.hold(let request), .held(let floor, let position)):
                oracle.held(request, floor: floor, at: position, next: run.storage.nextPosition)
            default: run.world.fail("request \(reply.id.number) of the port has another one's answer: \(reply.answer)")
            }
        }
    }

    /// Whether every request has its answer.
    var isAnswered: Bool { requests.isEmpty }
}
