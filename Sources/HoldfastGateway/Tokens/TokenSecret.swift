/// The secret of HS256 tokens, as it lies in a file: any bytes, a line end after them not counted.
package enum TokenSecret {
    /// As long as the hash, as RFC 7518 section 3.2 demands.
    package static let bytesMin = 32

    static func withoutLineEnd(_ file: [UInt8]) -> [UInt8] {
        var secret = file
        if secret.last == UInt8(ascii: "\n") { secret.removeLast() }
        if secret.last == UInt8(ascii: "\r") { secret.removeLast() }
        return secret
    }
}
