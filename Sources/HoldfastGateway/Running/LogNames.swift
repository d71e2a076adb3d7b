internal import Foundation
internal import HoldfastCore
internal import HoldfastIO
internal import HoldfastStorage
internal import Logging

/// How the log names users and their addresses: as `logUsers` says.
package struct LogNames: Sendable {
    private let form: Configuration.LogUsers
    private let key: [UInt8]

    /// Where the key of the hashes is. Whoever has it can find out which hash is whose, and nobody else.
    package static func keyPath(data: String) -> String { data + "/log.key" }

    /// Reads the key of the hashes from the data directory, and makes one where it is needed and not there. Where that fails, on a full disk for
    /// instance, the gateway starts all the same, with a key that it forgets.
    init(_ configuration: Configuration, _ logger: Logger) {
        form = configuration.logUsers
        guard form == .hash else {
            key = []
            return
        }
        let path = Self.keyPath(data: configuration.data)
        if let known = Self.readKey(path) {
            key = known
            return
        }
        key = randomBytes(Self.keyBytes)
        do {
            // What is there is not replaced: the hashes of earlier logs are made with it.
            guard !FileManager.default.fileExists(atPath: path) else {
                throw StorageError(.damaged, "\(path) isn't a key, or can't be read. Check its permissions, or remove it, and start again.")
            }
            try DurableFile.write(Array((Hexadecimal.text(key) + "\n").utf8), to: path, mode: 0o600)
        } catch {
            logger.warning("the hashes of users in this log will not be those of other starts: \(error)")
        }
    }

    /// The hashes of a data directory, to look into its gateway's logs with; nil when it has no key.
    package init?(data: String) {
        guard let key = Self.readKey(Self.keyPath(data: data)) else { return nil }
        self.key = key
        form = .hash
    }

    private static let keyBytes = 32
    /// Digits of a hash: of a million users, two have one in common about once in 500 data directories.
    private static let digitsOfHash = 12

    private static func readKey(_ path: String) -> [UInt8]? {
        guard let text = FileManager.default.contents(atPath: path) else { return nil }
        let key = Hexadecimal.bytes(String(decoding: text, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines))
        return key?.count == keyBytes ? key : nil
    }

    /// What the log calls a user; nil: nothing.
    package func user(_ name: [UInt8]) -> String? {
        switch form {
        case .none: nil
        case .hash: "#" + Hexadecimal.text(keyedHash(name, key: key)).prefix(Self.digitsOfHash)
        case .name: String(decoding: name, as: UTF8.self)
        }
    }

    /// What the log calls an address; nil: nothing.
    func address(_ key: AddressKey) -> String? {
        switch form {
        case .none: nil
        case .hash: key.network
        case .name: "\(key)"
        }
    }

    /// Whether users are named at all.
    var namesUsers: Bool { form != .none }
}
