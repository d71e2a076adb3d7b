internal import COpenSSL

/// The HMAC-SHA256 (RFC 2104) of `bytes`: 32 bytes.
package func keyedHash(_ bytes: [UInt8], key: [UInt8]) -> [UInt8] {
    precondition(OpenSSLLibrary.isReady, "OpenSSL can't be started")
    var hash = [UInt8](repeating: 0, count: 32)
    var count: UInt32 = 0
    let made = unsafe HMAC(EVP_sha256(), key, Int32(key.count), bytes, bytes.count, &hash, &count)
    precondition(unsafe made != nil && count == 32, "HMAC-SHA256 has 32 bytes")
    return hash
}
