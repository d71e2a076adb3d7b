internal import Foundation
package import HoldfastConnection
internal import HoldfastCore
internal import HoldfastIO
internal import HoldfastStorage

/// The ticket keys of a data directory: read at the start, rotated while the gateway runs. Confined to one thread.
package final class TicketKeyFile {
    package private(set) var keys: TicketKeys
    private let path: String
    private let periodSeconds: UInt64
    private let keptMax: Int
    /// Monotonic seconds.
    private var rotatedAt: UInt64

    /// Where the ticket keys of a data directory are.
    static func path(data: String) -> String { data + "/ticket-keys" }

    /// Reads the keys of `data`, or makes the first one; one that has served its period is followed by a new one.
    ///
    /// - Throws: `GatewayError` for a file that isn't a key file, `StorageError`.
    package init(data: String, ticketDays: Int, keyHours: Int, wallSeconds: UInt64, monotonicSeconds: UInt64) throws {
        path = Self.path(data: data)
        periodSeconds = UInt64(keyHours) * 3600
        keptMax = TicketKeys.keptMax(lifetimeSeconds: UInt64(ticketDays) * 86400, periodSeconds: periodSeconds)
        rotatedAt = monotonicSeconds
        if let bytes = FileManager.default.contents(atPath: path) {
            guard let text = String(data: bytes, encoding: .utf8), let keys = TicketKeys(fileText: text) else {
                throw GatewayError.file(
                    ConfigurationError(
                        source: path, key: "", value: nil, problem: "not a file of ticket keys",
                        advice: "Restore it from a backup, or delete it: clients then log in with their tokens"))
            }
            self.keys = keys
            if self.keys.correctTimes(now: wallSeconds) { try write(self.keys) }
            if keys.isDue(now: wallSeconds, periodSeconds: periodSeconds) {
                try rotate(wallSeconds: wallSeconds, monotonicSeconds: monotonicSeconds)
            }
        } else {
            keys = TicketKeys(firstSecret: randomBytes(32), now: wallSeconds)
            try write(keys)
        }
    }

    /// Makes a new key when the last one has served its period; true when it did.
    package func rotateIfDue(wallSeconds: UInt64, monotonicSeconds: UInt64) throws -> Bool {
        guard monotonicSeconds &- rotatedAt >= periodSeconds else { return false }
        try rotate(wallSeconds: wallSeconds, monotonicSeconds: monotonicSeconds)
        return true
    }

    /// The file comes first: a key that sealed tickets must be there after a restart.
    private func rotate(wallSeconds: UInt64, monotonicSeconds: UInt64) throws(StorageError) {
        var rotated = keys
        rotated.rotate(secret: randomBytes(32), now: wallSeconds, keptMax: keptMax)
        // If it can't be written, the next try is in a while.
        rotatedAt = monotonicSeconds &- periodSeconds &+ min(periodSeconds, Self.retrySeconds)
        try write(rotated)
        keys = rotated
        rotatedAt = monotonicSeconds
    }

    private static let retrySeconds: UInt64 = 300

    private func write(_ keys: TicketKeys) throws(StorageError) {
        try DurableFile.write(Array(keys.fileText.utf8), to: path, mode: 0o600)
    }
}
