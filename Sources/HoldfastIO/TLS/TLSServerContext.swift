internal import COpenSSL
internal import Synchronization

/// The oldest TLS version that is spoken.
package enum TLSVersion: String, CaseIterable, Sendable {
    case tls13 = "1.3"
    case tls12 = "1.2"

    var number: Int32 { self == .tls12 ? TLS1_2_VERSION : TLS1_3_VERSION }
}

/// What a TLS server shows: certificate, key, versions, ALPN. Shared by all loops; resumption works across them.
package final class TLSServerContext: Sendable {
    /// PEM, the server's certificate first.
    package let certificateChainFile: String
    private let keyFile: String
    private let minimumVersion: TLSVersion
    private let ticketCount: Int
    private let alpn: ALPNList
    private let current: Mutex<TLSContextHandle>

    /// Reads certificate and key.
    /// - Parameters:
    ///   - certificateChainFile: PEM, the server's certificate first.
    ///   - keyFile: PEM, unencrypted.
    ///   - minimumVersion: older ones are refused.
    ///   - alpn: the protocols that are spoken, the best first. A client that offers only others is refused, one that
    ///     offers none isn't.
    ///   - ticketCount: tickets for resumption after each full TLS 1.3 handshake.
    package init(
        certificateChainFile: String, keyFile: String, minimumVersion: TLSVersion = .tls13, alpn: [String] = [],
        ticketCount: Int = 2
    ) throws(IOError) {
        self.certificateChainFile = certificateChainFile
        self.keyFile = keyFile
        self.minimumVersion = minimumVersion
        self.ticketCount = ticketCount
        self.alpn = ALPNList(alpn)
        current = Mutex(
            try Self.make(certificateChainFile, keyFile, minimumVersion, self.alpn, ticketCount))
    }

    /// Reads certificate and key again, for handshakes from now on. Connections that are up, and tickets, stay good. If the files
    /// are no good the old ones stay in use.
    package func reload() throws(IOError) {
        let fresh = try Self.make(certificateChainFile, keyFile, minimumVersion, alpn, ticketCount)
        current.withLock { handle in
            fresh.takeTicketKeys(of: handle)
            handle = fresh
        }
    }

    /// From when to when the certificate that is shown now is good.
    package var certificateTimes: CertificateTimes? { current.withLock(\.certificateTimes) }

    /// A session of the library for one connection, as server; nil if there is no memory.
    func makeSession() -> OpaquePointer? {
        // Held briefly: SSL_new only counts a reference. The lock keeps reload from freeing the context under it.
        let session = current.withLock { handle in unsafe Transfer(SSL_new(handle.context)) }
        guard let ssl = unsafe session.pointer else { return nil }
        unsafe SSL_set_accept_state(ssl)
        return unsafe ssl
    }

    private static func make(
        _ certificateChainFile: String, _ keyFile: String, _ minimumVersion: TLSVersion, _ alpn: ALPNList, _ ticketCount: Int
    ) throws(IOError) -> TLSContextHandle {
        for (name, path) in [("certificate chain", certificateChainFile), ("private key", keyFile)] {
            guard (try? FileFacts(path: path))?.isRegular ?? true else {
                throw IOError("load the \(name) \(path)", reason: "not a regular file; it must be a PEM file")
            }
        }
        let handle = try TLSContextHandle(server: true, minimumVersion: minimumVersion)
        let context = unsafe handle.context
        guard unsafe SSL_CTX_use_certificate_chain_file(context, certificateChainFile) == 1 else {
            throw TLSError.make(
                loading: "certificate chain", certificateChainFile, expected: "the certificate, and its issuers after it")
        }
        guard unsafe SSL_CTX_use_PrivateKey_file(context, keyFile, SSL_FILETYPE_PEM) == 1 else {
            throw TLSError.make(loading: "private key", keyFile, expected: "the certificate's key, not encrypted")
        }
        guard unsafe SSL_CTX_check_private_key(context) == 1 else {
            throw TLSError.make("match \(keyFile) with \(certificateChainFile)")
        }
        handle.readCertificateTimes()
        // Tickets carry the whole session: nothing is kept here per client.
        _ = unsafe copenssl_ctx_set_session_cache_mode(context, Int(SSL_SESS_CACHE_OFF))
        unsafe SSL_CTX_set_num_tickets(context, ticketCount)
        if !alpn.isEmpty { unsafe SSL_CTX_set_alpn_select_cb(context, selectProtocol, alpn.pointer) }
        return handle
    }
}

/// Carries a pointer out of a lock that only guards how it was made.
@safe struct Transfer: @unchecked Sendable {
    let pointer: OpaquePointer?
    init(_ pointer: OpaquePointer?) { unsafe self.pointer = unsafe pointer }
}

// The argument is the server context's list; it lives as long as the context that is served.
private func selectProtocol(
    _ ssl: OpaquePointer?, _ selected: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
    _ selectedCount: UnsafeMutablePointer<UInt8>?, _ offered: UnsafePointer<UInt8>?, _ offeredCount: UInt32,
    _ argument: UnsafeMutableRawPointer?
) -> Int32 {
    guard let argument = unsafe argument, let selected = unsafe selected else { return SSL_TLSEXT_ERR_ALERT_FATAL }
    let list = unsafe Unmanaged<ALPNList.Storage>.fromOpaque(argument).takeUnretainedValue()
    var choice: UnsafeMutablePointer<UInt8>?
    let status = unsafe list.bytes.withUnsafeBufferPointer { own in
        unsafe SSL_select_next_proto(&choice, selectedCount, own.baseAddress, UInt32(own.count), offered, offeredCount)
    }
    guard status == OPENSSL_NPN_NEGOTIATED else { return SSL_TLSEXT_ERR_ALERT_FATAL }
    unsafe selected.pointee = UnsafePointer(choice)
    return SSL_TLSEXT_ERR_OK
}
