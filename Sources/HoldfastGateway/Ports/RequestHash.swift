package import HoldfastCore
internal import HoldfastIO

/// The hashes by which the ledger knows requests. They are the same on every gateway and after every restore: what is told apart by them is public to the
/// account itself, so they need no secret, and a backup has none to carry.
package enum RequestHash {
    private static let keyDomain = Array("holdfast request key 1".utf8)
    private static let fingerprintDomain = Array("holdfast request fingerprint 1".utf8)

    /// What a request is known by: the first 16 bytes of HMAC-SHA256. To find another account's key with the same hash takes 2^128 tries.
    /// - Parameters:
    ///   - subject: whose key it is; keys of two subjects have nothing to do with each other.
    ///   - key: as the client has named it.
    package static func key(subject: [UInt8], key: [UInt8]) -> RequestKey {
        var bytes: [UInt8] = []
        bytes.append(bigEndian: UInt32(subject.count))
        bytes += subject + key
        let hash = keyedHash(bytes, key: keyDomain)
        return RequestKey(high: number(hash[0..<8]), low: number(hash[8..<16]))
    }

    /// What tells another request with the same key: the first 8 bytes of HMAC-SHA256.
    /// - Parameter parts: of the request, in an order that doesn't change.
    package static func fingerprint(_ parts: [[UInt8]]) -> UInt64 {
        var bytes: [UInt8] = []
        for part in parts {
            bytes.append(bigEndian: UInt32(part.count))
            bytes += part
        }
        return number(keyedHash(bytes, key: fingerprintDomain)[0..<8])
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
}

extension [UInt8] {
    fileprivate mutating func append(bigEndian number: UInt32) {
        for shift in [24, 16, 8, 0] as [UInt32] { append(UInt8(truncatingIfNeeded: number >> shift)) }
    }
}
