import Glibc
import HoldfastGateway

/// Tokens of a run's users: made before the run, since their CPU time is not the run's and their memory isn't a phone's; or in batches while
/// it goes on, where users are many and each is there for a moment.
struct TokenBook: Sendable {
    private var batches: [TokenBatch]
    /// What the names of this run's users begin with.
    let run: String
    private let issuer: TokenIssuer?
    private let file: TokenFile?
    private let ownName: (@Sendable (Int) -> String)?

    /// Signs tokens for `count` users, or takes them from a file.
    /// - Parameters:
    ///   - users: how many will be named in all, some of whom may get their token later; nil: as many.
    ///   - name: the users' names; nil: new ones, or those of the file.
    init(count: Int, users: Int? = nil, origin: TokenOrigin, name: (@Sendable (Int) -> String)? = nil) async throws {
        // Short enough for names of at most 15 bytes, which Swift keeps without an allocation.
        run = "l" + String(UInt32.random(in: .min ... .max), radix: 36)
        ownName = name
        switch origin {
        case .secret(let secret):
            issuer = try await TokenIssuer(secret: secret)
            file = nil
        case .file(let file):
            issuer = nil
            self.file = file
            let (own, needed) = (file.ownUsers.count, max(count, users ?? 0))
            guard own >= needed else {
                let share = own < file.users.count ? ", \(own) of them for one of this run's processes, which" : ", and this run"
                throw LoadError(
                    usage:
                        "--token-file: \(file.path) has tokens of \(file.users.count) users\(share) needs \(needed): add some, or ask for less"
                )
            }
        }
        batches = []
        batches = [try await makeBatch(0..<count)]
    }

    /// How many users had one from the start.
    var count: Int { batches[0].users.count }

    /// The user with a number.
    func name(_ user: Int) -> String {
        if let users = file?.ownUsers { return users[users.startIndex + user].name }
        return ownName?(user) ?? "\(run)-\(user)"
    }

    /// The token of a user.
    subscript(user: Int) -> [UInt8] {
        guard let batch = batches.last(where: { $0.users.contains(user) }) else {
            preconditionFailure("no token was made for user \(user)")
        }
        return batch[user]
    }

    /// Signs tokens for further users; of a file, as many of them as it has.
    func makeBatch(_ users: Range<Int>) async throws -> TokenBatch {
        if let own = file?.ownUsers {
            let users = min(users.lowerBound, own.count)..<min(users.upperBound, own.count)
            return TokenBatch(users: users, tokens: users.map { own[own.startIndex + $0].token })
        }
        guard let issuer else { preconditionFailure("tokens are signed or read") }
        return try await TokenBatch(users: users, name: name, issuer: issuer)
    }

    /// Takes a batch over, and forgets those whose users are all below a number; the first one is kept.
    mutating func add(_ batch: TokenBatch, forgettingBelow user: Int = 0) {
        let first = batches[0]
        batches = [first] + batches.dropFirst().filter { $0.users.upperBound > user } + [batch]
    }
}

/// Tokens of neighbouring users.
struct TokenBatch: Sendable {
    let users: Range<Int>
    private var bytes: [UInt8] = []
    private var ends: [Int] = []

    init(users: Range<Int>, name: (Int) -> String, issuer: TokenIssuer) async throws {
        self.users = users
        let now = UInt64(time(nil))
        for user in users {
            let token = try await issuer.issue(user: name(user), now: now, lifetimeSeconds: Self.lifetimeSeconds)
            bytes.append(contentsOf: token.utf8)
            ends.append(bytes.count)
        }
    }

    /// Of tokens that are there.
    init(users: Range<Int>, tokens: [[UInt8]]) {
        self.users = users
        for token in tokens {
            bytes.append(contentsOf: token)
            ends.append(bytes.count)
        }
    }

    subscript(user: Int) -> [UInt8] {
        let index = user - users.lowerBound
        return Array(bytes[(index == 0 ? 0 : ends[index - 1])..<ends[index]])
    }

    // Longer than any run, so that none has to be renewed.
    private static let lifetimeSeconds: UInt64 = 7 * 86_400
}
