internal import COpenSSL
internal import Glibc

/// Makes a P-256 key and a certificate that it signs itself, good from an hour ago for `days`.
package func makeSelfSignedCertificate(
    names: [String], days: Int
) throws(IOError) -> (certificatePEM: String, keyPEM: String) {
    let now = Int64(time(nil))
    return try makeSelfSignedCertificate(names: names, validity: now - 3600...now + Int64(days) * 86_400)
}

/// Makes a P-256 key and a certificate that it signs itself, both as PEM.
///
/// For development and first starts: a client must be given the certificate to trust.
/// - Parameters:
///   - names: host names and IP addresses that the certificate is made out to; the first is its common name.
///   - validity: from when to when it is good, in seconds since 1970.
package func makeSelfSignedCertificate(
    names: [String], validity: ClosedRange<Int64>
) throws(IOError) -> (certificatePEM: String, keyPEM: String) {
    let failed = "make a self-signed certificate"
    guard OpenSSLLibrary.isReady, let key = unsafe copenssl_make_p256_key() else { throw TLSError.make(failed) }
    defer { unsafe EVP_PKEY_free(key) }
    guard let certificate = unsafe X509_new() else { throw TLSError.make(failed) }
    defer { unsafe X509_free(certificate) }
    // Clients that remember certificates by serial number need one that differs: 63 random bits.
    let serial = randomBytes(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) } >> 1
    guard unsafe X509_set_version(certificate, Int(X509_VERSION_3)) == 1,
        unsafe ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial) == 1,
        unsafe ASN1_TIME_set(X509_getm_notBefore(certificate), Int(validity.lowerBound)) != nil,
        unsafe ASN1_TIME_set(X509_getm_notAfter(certificate), Int(validity.upperBound)) != nil,
        unsafe X509_set_pubkey(certificate, key) == 1,
        let subject = unsafe X509_get_subject_name(certificate)
    else { throw TLSError.make(failed) }
    // The library reads the list in a syntax of its own, in which these would begin something else.
    guard names.allSatisfy({ !$0.isEmpty && !$0.utf8.contains { [0, 10, 13, UInt8(ascii: ","), UInt8(ascii: ";")].contains($0) } }) else {
        throw IOError(failed, reason: "a name is empty or has a comma, a semicolon or a line's end")
    }
    let commonName = Array((names.first ?? "holdfast").utf8.prefix(64))
    guard unsafe X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8_TYPE, commonName, Int32(commonName.count), -1, 0) == 1,
        unsafe X509_set_issuer_name(certificate, subject) == 1
    else { throw TLSError.make(failed) }
    let subjects = names.map { name in (try? SocketAddress.parseHost(name, port: 0)) == nil ? "DNS:\(name)" : "IP:\(name)" }
    var extensions = [
        (NID_basic_constraints, "critical,CA:TRUE"), (NID_key_usage, "critical,digitalSignature,keyCertSign"),
        (NID_ext_key_usage, "serverAuth"),
    ]
    if !names.isEmpty { extensions.append((NID_subject_alt_name, subjects.joined(separator: ","))) }
    for (kind, value) in extensions {
        guard let made = unsafe X509V3_EXT_conf_nid(nil, nil, kind, value) else { throw TLSError.make("\(failed) for \(value)") }
        defer { unsafe X509_EXTENSION_free(made) }
        guard unsafe X509_add_ext(certificate, made, -1) == 1 else { throw TLSError.make(failed) }
    }
    guard unsafe X509_sign(certificate, key, EVP_sha256()) > 0 else { throw TLSError.make(failed) }
    let certificatePEM = unsafe pemText { unsafe PEM_write_bio_X509($0, certificate) }
    let keyPEM = unsafe pemText { unsafe PEM_write_bio_PKCS8PrivateKey($0, key, nil, nil, 0, nil, nil) }
    guard let certificatePEM, let keyPEM else { throw TLSError.make(failed) }
    return (certificatePEM, keyPEM)
}

// MBSTRING_UTF8, a macro that Swift doesn't see.
private let MBSTRING_UTF8_TYPE: Int32 = 0x1000

private func pemText(_ write: (OpaquePointer) -> Int32) -> String? {
    guard let bio = unsafe BIO_new(BIO_s_mem()) else { return nil }
    defer { unsafe BIO_free(bio) }
    guard unsafe write(bio) == 1 else { return nil }
    var data: UnsafeMutablePointer<CChar>?
    let count = unsafe copenssl_mem_data(bio, &data)
    guard let data = unsafe data, count > 0 else { return nil }
    return unsafe String(decoding: UnsafeRawBufferPointer(start: data, count: count), as: UTF8.self)
}
