internal import COpenSSL
internal import Glibc

/// From when to when a certificate is good.
package struct CertificateTimes: Equatable, Sendable {
    /// The first second, since 1970.
    package var first: Int64
    /// The last one.
    package var last: Int64

    /// How it is at some time.
    package enum State: Equatable, Sendable {
        case good, notYetValid, expired
        /// Its last days: the end of its life, at most two weeks and at most a fifth of it, in which it should have been renewed.
        case ending
    }

    /// Both in seconds since 1970.
    package init(first: Int64, last: Int64) {
        self.first = first
        self.last = last
    }

    /// Looks at the first certificate of a PEM file.
    /// - Returns: nil when there is none that can be read, which is said where it is used.
    package init?(ofFile path: String) {
        guard OpenSSLLibrary.isReady, let bio = unsafe BIO_new_file(path, "r") else {
            ERR_clear_error()
            return nil
        }
        defer { unsafe BIO_free(bio) }
        guard let certificate = unsafe PEM_read_bio_X509(bio, nil, nil, nil) else {
            ERR_clear_error()
            return nil
        }
        defer { unsafe X509_free(certificate) }
        unsafe self.init(of: certificate)
    }

    init?(of certificate: OpaquePointer?) {
        guard let certificate = unsafe certificate, let first = unsafe Self.seconds(X509_get0_notBefore(certificate)),
            let last = unsafe Self.seconds(X509_get0_notAfter(certificate))
        else { return nil }
        self.init(first: first, last: last)
    }

    private static func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64? {
        var parts = unsafe tm()
        guard unsafe ASN1_TIME_to_tm(time, &parts) == 1 else { return nil }
        return Int64(unsafe timegm(&parts))
    }

    /// - Parameter seconds: since 1970.
    package func state(at seconds: UInt64) -> State {
        let now = Int64(clamping: seconds)
        if now < first { return .notYetValid }
        if now > last { return .expired }
        return last - now < min(Self.endingSecondsMax, (last - first) / 5) ? .ending : .good
    }

    private static let endingSecondsMax: Int64 = 14 * 86_400
}
