internal import Foundation
package import HoldfastCore
internal import HoldfastIO
internal import HoldfastStorage

extension TokenSecret {
    /// Where the development key of a data directory is.
    package static func developmentKeyPath(data: String) -> String { data + "/development.key" }

    /// The secret in the file at `path`, or nil when it can't be read.
    package static func read(_ path: String) -> [UInt8]? {
        readFile(path).map(withoutLineEnd)
    }

    /// The bytes of a file with a key, or nil when it can't be read.
    package static func readFile(_ path: String) -> [UInt8]? { Identity.readRegular(path).map([UInt8].init) }

    /// Makes a development key: 32 random bytes in hexadecimal, readable by the owner only.
    package static func makeDevelopmentKey(at path: String) throws(StorageError) -> [UInt8] {
        let secret = Array(Hexadecimal.text(randomBytes(bytesMin)).utf8)
        try DurableFile.write(secret + [UInt8(ascii: "\n")], to: path, mode: 0o600)
        return secret
    }
}
