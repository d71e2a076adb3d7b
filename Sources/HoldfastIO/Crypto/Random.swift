internal import CLinux
internal import COpenSSL
internal import Glibc

/// Bytes from the kernel's random generator, fit for keys.
package func randomBytes(_ count: Int) -> [UInt8] {
    var result = [UInt8](repeating: 0, count: count)
    var done = 0
    while done < count {
        let got = unsafe result.withUnsafeMutableBytes { bytes in
            unsafe bytes.baseAddress.map { unsafe getrandom($0 + done, count - done, 0) } ?? 0
        }
        // Large requests may be interrupted; nothing else can go wrong with a valid buffer.
        precondition(got > 0 || errno == EINTR, "getrandom failed")
        done += max(0, got)
    }
    return result
}

/// Compares secrets: how long it takes says nothing about where they differ. (It says whether the counts are equal.)
package func isEqualInConstantTime(_ a: Span<UInt8>, _ b: Span<UInt8>) -> Bool {
    guard a.count == b.count else { return false }
    return unsafe a.withUnsafeBufferPointer { a in
        unsafe b.withUnsafeBufferPointer { b in unsafe CRYPTO_memcmp(a.baseAddress, b.baseAddress, a.count) == 0 }
    }
}
