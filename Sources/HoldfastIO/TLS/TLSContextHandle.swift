internal import COpenSSL

/// An SSL_CTX with what client and server have in common. The library counts its references, and each session holds one.
@safe final class TLSContextHandle: @unchecked Sendable {
    /// Not changed after it is set up; making sessions of it is safe on any thread.
    let context: OpaquePointer
    /// From when to when the certificate that it shows is good; nil: it shows none.
    private(set) var certificateTimes: CertificateTimes?

    /// Asks the library for the times of the certificate that was loaded. While the context is set up.
    func readCertificateTimes() { certificateTimes = unsafe CertificateTimes(of: SSL_CTX_get0_certificate(context)) }

    init(server: Bool, minimumVersion: TLSVersion) throws(IOError) {
        guard OpenSSLLibrary.isReady else { throw TLSError.make("start OpenSSL") }
        let method = unsafe server ? TLS_server_method() : TLS_client_method()
        guard let context = unsafe SSL_CTX_new(method) else { throw TLSError.make("create TLS context") }
        unsafe self.context = unsafe context
        _ = unsafe copenssl_ctx_set_min_version(context, minimumVersion.number)
        _ = unsafe copenssl_ctx_set_max_version(context, TLS1_3_VERSION)
        _ = unsafe copenssl_ctx_set_mode(context, copenssl_mode_flags())
        _ = unsafe SSL_CTX_set_options(context, server ? copenssl_server_options() : copenssl_client_options())
        // AES-128 first: as strong as the P-256 and X25519 keys before it, and cheaper. A phone that puts ChaCha first gets it.
        let suites = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
        guard unsafe SSL_CTX_set_ciphersuites(context, suites) == 1,
            unsafe SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1,
            unsafe copenssl_ctx_set_groups(context, "X25519:P-256") == 1
        else { throw TLSError.make("choose TLS ciphers") }
        let scope: [UInt8] = Array("holdfast".utf8)
        unsafe SSL_CTX_set_session_id_context(context, scope, UInt32(scope.count))
    }

    deinit { unsafe SSL_CTX_free(context) }

    /// Accepts the tickets that `other` gave out.
    func takeTicketKeys(of other: TLSContextHandle) {
        let count = unsafe copenssl_ctx_get_ticket_keys(other.context, nil, 0)
        guard count > 0 else { return }
        var keys = [UInt8](repeating: 0, count: count)
        if unsafe copenssl_ctx_get_ticket_keys(other.context, &keys, Int32(count)) == 1 {
            _ = unsafe copenssl_ctx_set_ticket_keys(context, &keys, Int32(count))
        }
        unsafe OPENSSL_cleanse(&keys, count)
    }
}

/// Protocol names as ALPN writes them: each behind its length.
struct ALPNList: Sendable {
    /// Lies at one address, for the library's callback.
    final class Storage: Sendable {
        let bytes: [UInt8]
        init(_ bytes: [UInt8]) { self.bytes = bytes }
    }
    private let storage: Storage

    /// Names must have 1 to 255 bytes.
    init(_ names: [String]) {
        storage = Storage(
            names.flatMap { name -> [UInt8] in
                precondition((1...255).contains(name.utf8.count), "an ALPN name has 1 to 255 bytes")
                return [UInt8(name.utf8.count)] + name.utf8
            })
    }

    /// Whether there is no name.
    var isEmpty: Bool { storage.bytes.isEmpty }
    /// The encoded list.
    var bytes: [UInt8] { storage.bytes }
    /// The storage, not retained: for as long as the list lives.
    var pointer: UnsafeMutableRawPointer { unsafe Unmanaged.passUnretained(storage).toOpaque() }
}
