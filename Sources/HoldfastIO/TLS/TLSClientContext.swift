internal import COpenSSL
internal import Synchronization

/// A TLS session that a later connection can resume.
@safe package final class TLSSession: @unchecked Sendable {
    // Not changed any more; the library counts references atomically.
    let session: OpaquePointer

    /// Takes over one reference.
    init(owning session: OpaquePointer) { unsafe self.session = unsafe session }

    deinit { unsafe SSL_SESSION_free(session) }
}

/// What a TLS client trusts and speaks. Certificates are always verified, with the name.
package final class TLSClientContext: Sendable {
    /// Whose certificates are believed.
    package enum Trust: Sendable, Equatable {
        /// The roots that the system comes with.
        case system
        /// The certificates in a PEM file, and no others.
        case file(String)
    }

    private let handle: TLSContextHandle
    private let sessions: TLSSessionStore?

    /// Reads the trust.
    /// - Parameters:
    ///   - alpn: the protocols that are offered.
    ///   - keepsSessions: whether the latest session of each server is kept and resumed by the next connection.
    package init(
        trust: Trust = .system, minimumVersion: TLSVersion = .tls13, alpn: [String] = [], keepsSessions: Bool = true
    ) throws(IOError) {
        handle = try TLSContextHandle(server: false, minimumVersion: minimumVersion)
        let context = unsafe handle.context
        sessions = keepsSessions ? unsafe TLSSessionStore(ownedBy: context) : nil
        unsafe SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
        switch trust {
        case .system:
            guard unsafe SSL_CTX_set_default_verify_paths(context) == 1 else { throw TLSError.make("load the system's roots") }
        case .file(let path):
            guard unsafe SSL_CTX_load_verify_file(context, path) == 1 else {
                throw TLSError.make(loading: "trust file", path, expected: "certificates")
            }
        }
        let protocols = ALPNList(alpn).bytes
        // 0 is success here.
        if !protocols.isEmpty, unsafe SSL_CTX_set_alpn_protos(context, protocols, UInt32(protocols.count)) != 0 {
            throw TLSError.make("set ALPN")
        }
    }

    /// The latest session of a server, if sessions are kept and one has come.
    package func session(for serverName: String) -> TLSSession? { sessions?.session(for: serverName) }

    /// A session of the library for one connection, as client.
    func makeSession(_ options: TLSClientOptions) throws(IOError) -> OpaquePointer {
        guard let ssl = unsafe SSL_new(handle.context) else { throw TLSError.make("create TLS session") }
        unsafe SSL_set_connect_state(ssl)
        guard unsafe Self.expect(options.serverName, of: ssl) else {
            unsafe SSL_free(ssl)
            throw IOError("expect server name '\(options.serverName)'", reason: "not a host name or an IP address")
        }
        // A copy: the library marks the session of a connection that fails as not to be resumed, for all who share it.
        if let resumed = options.session ?? session(for: options.serverName), let copy = unsafe SSL_SESSION_dup(resumed.session) {
            _ = unsafe SSL_set_session(ssl, copy)
            unsafe SSL_SESSION_free(copy)
        }
        return unsafe ssl
    }

    // Verifies the name; a host name is sent along (SNI), an IP address must not be.
    private static func expect(_ name: String, of ssl: OpaquePointer) -> Bool {
        // The library takes no name for any name, and reads one up to a zero byte.
        guard !name.isEmpty, !name.utf8.contains(0) else { return false }
        let parameters = unsafe SSL_get0_param(ssl)
        if unsafe X509_VERIFY_PARAM_set1_ip_asc(parameters, name) == 1 { return true }
        ERR_clear_error()
        return unsafe SSL_set1_host(ssl, name) == 1 && copenssl_set_server_name(ssl, name) == 1
    }
}
