internal import HoldfastTestSupport

/// A message as a backend asks for it to be stored: the body of POST /v1/messages, and a line of an upload.
struct Push: Encodable, Equatable, Sendable {
    var to: [String]
    var text: String
    /// Names that nobody has are refused.
    var mustExist: Bool
}

/// What a push is known by in a run.
enum PushID: Hashable, Sendable, CustomStringConvertible {
    case single(Int)
    case line(Int, upload: Int)

    var description: String {
        switch self {
        case .single(let number): "push \(number)"
        case .line(let number, let upload): "line \(number) of upload \(upload)"
        }
    }
}

/// What the backend of a run pushes: a seed decides every message.
struct PushPlan: Sendable {
    /// The backend's name, and its messages' sender.
    static let sender = "backend"

    let users: [String]
    private let seed: UInt64

    /// Pushes to these users, who have receivers, and to strangers, who have none.
    init(users: [String], seed: UInt64) {
        self.users = users
        self.seed = seed
    }

    /// The first single push goes to everybody, so that no user is a name that nobody has. Others go to one or several; some with a stranger among them,
    /// who is refused until a push that needn't find him has made him a user: a repeat must still be answered by the refusal.
    func push(_ id: PushID) -> Push {
        let (text, sequence) =
            switch id {
            case .single(let number): ("push.\(number)", number)
            case .line(let number, let upload): ("upload.\(upload).\(number)", upload << 20 | number)
            }
        var random = SeededRandom(seed: seed, sequence: sequence)
        let filler = String(repeating: "ab", count: random.below(60))
        guard id != .single(1) else { return Push(to: users, text: "\(text) \(filler)", mustExist: false) }
        var push = Push(to: [random.pick(users)], text: "\(text) \(filler)", mustExist: false)
        if random.once(in: 3) { push.to = Array(users.shuffled(using: &random).prefix(2 + random.below(users.count - 1))) }
        if random.once(in: 4) {
            push.to.insert("stranger\(random.below(20))", at: random.below(push.to.count + 1))
            push.mustExist = !random.once(in: 4)
        }
        return push
    }

    /// The push that has this text; nil: none has.
    func find(_ text: String) -> PushID? {
        let parts = text.prefix { $0 != " " }.split(separator: ".")
        let numbers = parts.dropFirst().compactMap { Int($0) }
        guard numbers.allSatisfy({ $0 > 0 }) else { return nil }
        let id: PushID? =
            switch (parts.first, numbers.count) {
            case ("push", 1): .single(numbers[0])
            case ("upload", 2): .line(numbers[1], upload: numbers[0])
            default: nil
            }
        guard let id, push(id).text == text else { return nil }
        return id
    }
}
