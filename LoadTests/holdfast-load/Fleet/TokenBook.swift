import Glibc
import HoldfastGateway

/// One token for each phone, made before the run: its CPU time is not the run's, and its memory isn't a phone's.
struct TokenBook: Sendable {
    private var bytes: [UInt8] = []
    private var ends: [Int] = []
    /// What the names of this run's users begin with.
    let run: String
    private let ownName: (@Sendable (Int) -> String)?

    /// Signs tokens for `count` users.
    /// - Parameter name: the users' names; nil: new ones.
    init(count: Int, secret: [UInt8], name: (@Sendable (Int) -> String)? = nil) async throws {
        // Short enough for names of at most 15 bytes, which Swift keeps without an allocation.
        run = "l" + String(UInt32.random(in: .min ... .max), radix: 36)
        ownName = name
        let issuer = try await TokenIssuer(secret: secret)
        let now = UInt64(time(nil))
        for index in 0..<count {
            let token = try await issuer.issue(user: self.name(index), now: now, lifetimeSeconds: Self.lifetimeSeconds)
            bytes.append(contentsOf: token.utf8)
            ends.append(bytes.count)
        }
    }

    /// How many phones have one.
    var count: Int { ends.count }

    /// The user of a phone.
    func name(_ phone: Int) -> String { ownName?(phone) ?? "\(run)-\(phone)" }

    /// The token of a phone.
    subscript(phone: Int) -> [UInt8] { Array(bytes[(phone == 0 ? 0 : ends[phone - 1])..<ends[phone]]) }

    // Longer than any run, so that none has to be renewed.
    private static let lifetimeSeconds: UInt64 = 7 * 86_400
}
