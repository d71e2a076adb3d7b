internal import COpenSSL

/// Whether a certificate is good at some time.
package enum CertificateValidity: Equatable, Sendable {
    case good, notYetValid, expired

    /// Looks at the first certificate of a PEM file.
    /// - Parameter seconds: since 1970.
    /// - Returns: nil when there is none that can be read, which is said where it is used.
    package init?(ofFile path: String, at seconds: UInt64) {
        guard OpenSSLLibrary.isReady, let bio = unsafe BIO_new_file(path, "r") else { return nil }
        defer { unsafe BIO_free(bio) }
        guard let certificate = unsafe PEM_read_bio_X509(bio, nil, nil, nil) else { return nil }
        defer { unsafe X509_free(certificate) }
        let time = Int(clamping: seconds)
        if unsafe ASN1_TIME_cmp_time_t(X509_get0_notBefore(certificate), time) > 0 {
            self = .notYetValid
        } else if unsafe ASN1_TIME_cmp_time_t(X509_get0_notAfter(certificate), time) < 0 {
            self = .expired
        } else {
            self = .good
        }
    }
}
