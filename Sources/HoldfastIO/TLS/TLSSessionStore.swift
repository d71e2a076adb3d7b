internal import COpenSSL
internal import Synchronization

/// The latest session of each server that a client's context has met: a handful.
final class TLSSessionStore: Sendable {
    private let sessions = Mutex<[String: TLSSession]>([:])
    // Where a context of the library keeps its store. The context releases it when it goes, which is after all its sessions.
    private static let index = unsafe CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_SSL_CTX, 0, nil, nil, nil, releaseStore)

    /// A store that the context fills and keeps alive.
    init(ownedBy context: OpaquePointer) {
        _ = unsafe copenssl_ctx_set_session_cache_mode(context, Int(SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL))
        unsafe SSL_CTX_set_ex_data(context, Self.index, Unmanaged.passRetained(self).toOpaque())
        unsafe SSL_CTX_sess_set_new_cb(context, keepSession)
    }

    /// The latest session of a server.
    func session(for serverName: String) -> TLSSession? { sessions.withLock { $0[serverName] } }

    fileprivate static func store(of ssl: OpaquePointer) -> TLSSessionStore? {
        guard let raw = unsafe SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), index) else { return nil }
        return unsafe Unmanaged<TLSSessionStore>.fromOpaque(raw).takeUnretainedValue()
    }

    fileprivate func keep(_ session: TLSSession, of serverName: String) {
        sessions.withLock { $0[serverName] = session }
    }
}

// Called when a ticket comes. Returns 1 if the reference to the session is taken over.
private func keepSession(_ ssl: OpaquePointer?, _ session: OpaquePointer?) -> Int32 {
    guard let ssl = unsafe ssl, let session = unsafe session, let store = unsafe TLSSessionStore.store(of: ssl),
        let name = unsafe expectedName(of: ssl)
    else { return 0 }
    store.keep(unsafe TLSSession(owning: session), of: name)
    return 1
}

private func expectedName(of ssl: OpaquePointer) -> String? {
    if let name = unsafe SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) { return unsafe String(cString: name) }
    guard let text = unsafe X509_VERIFY_PARAM_get1_ip_asc(SSL_get0_param(ssl)) else { return nil }
    defer { unsafe CRYPTO_free(text, "TLSSessionStore.swift", 0) }
    return unsafe String(cString: text)
}

private func releaseStore(
    _ parent: UnsafeMutableRawPointer?, _ store: UnsafeMutableRawPointer?, _ data: UnsafeMutablePointer<CRYPTO_EX_DATA>?,
    _ index: Int32, _ number: Int, _ argument: UnsafeMutableRawPointer?
) {
    guard let store = unsafe store else { return }
    unsafe Unmanaged<TLSSessionStore>.fromOpaque(store).release()
}
