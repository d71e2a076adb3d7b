internal import COpenSSL
internal import Glibc

/// The TLS of one connection: ciphertext in and out through the loop's `TLSTransit`, plaintext through buffers of the caller.
///
/// It knows no socket and no loop. Not freed by itself: whoever holds it calls `free`.
@safe struct TLSEngine {
    private let ssl: OpaquePointer

    /// What a step of the handshake led to.
    enum HandshakeStep {
        case needsMore
        case done(resumed: Bool)
        /// The text names the reason. An alert may be on its way out.
        case failed(String)
    }

    /// What reading led to.
    struct Reading {
        /// Bytes of plaintext.
        var count = 0
        /// The peer ended its side.
        var ended = false
        /// A record or alert after which nothing can be read or written.
        var failed = false
        /// Records that brought data.
        var dataRecords = 0
        /// Records that didn't: key updates, warnings, empty ones. One that isn't whole yet isn't among them.
        var emptyRecords = 0
        /// There were more of those than allowed. What follows wasn't looked at.
        var isFlooded = false
    }

    /// An engine over a new session of the library, which it owns from here on.
    init?(ssl: OpaquePointer, transit: UnsafeMutablePointer<TLSTransit>) {
        guard let method = unsafe TLSTransit.method, let bio = unsafe BIO_new(method) else {
            unsafe SSL_free(ssl)
            return nil
        }
        unsafe BIO_set_data(bio, transit)
        unsafe BIO_set_init(bio, 1)
        // One BIO for both directions; the library takes the one reference.
        unsafe SSL_set_bio(ssl, bio, bio)
        unsafe self.ssl = ssl
    }

    /// Goes on with the handshake, with what the transit was fed. What is left of it afterwards is for `read`; if more is needed nothing is left, unless
    /// that would be more than so many records.
    func handshake(recordsMax: Int, transit: UnsafeMutablePointer<TLSTransit>) -> HandshakeStep {
        unsafe transit.pointee.recordsLeft = recordsMax
        let status = unsafe SSL_do_handshake(ssl)
        if status == 1 { return .done(resumed: unsafe SSL_session_reused(ssl) == 1) }
        let error = unsafe SSL_get_error(ssl, status)
        if error == SSL_ERROR_WANT_READ { return .needsMore }
        return .failed(failureText())
    }

    /// Decrypts all that the transit was fed.
    /// - Parameters:
    ///   - capacity: must hold as much as was fed, and one record more.
    ///   - emptyRecordsMax: how many records without data are taken. The library reads them without a word, one after the other.
    func read(
        into target: UnsafeMutablePointer<UInt8>, capacity: Int, emptyRecordsMax: Int, transit: UnsafeMutablePointer<TLSTransit>
    ) -> Reading {
        var result = Reading()
        repeat {
            // Those, and the one that brings data.
            let recordsMax = emptyRecordsMax - result.emptyRecords + 1
            unsafe transit.pointee.recordsLeft = recordsMax
            var count = 0
            let status = unsafe SSL_read_ex(ssl, target + result.count, capacity - result.count, &count)
            let begun = unsafe recordsMax - transit.pointee.recordsLeft
            if status == 1 {
                result.count += count
                result.dataRecords += 1
                result.emptyRecords += max(0, begun - 1)
                continue
            }
            result.emptyRecords += unsafe max(0, transit.pointee.isBetweenRecords ? begun : begun - 1)
            switch unsafe SSL_get_error(ssl, status) {
            case SSL_ERROR_WANT_READ: result.isFlooded = unsafe transit.pointee.incomingCount > 0
            case SSL_ERROR_ZERO_RETURN: result.ended = true
            default: result.failed = true
            }
            // The queue of errors belongs to the thread: what is left in it would be taken for the next connection's.
            if result.failed { ERR_clear_error() }
            return result
        } while unsafe transit.pointee.incomingCount > 0 || SSL_pending(ssl) > 0
        return result
    }

    /// Encrypts from the front of the bytes into the transit, one record at most.
    /// - Returns: how many bytes were taken; nil if the session is broken.
    func write(_ bytes: UnsafePointer<UInt8>, count: Int) -> Int? {
        var taken = 0
        // The transit takes everything, so the library never has to stop half-way through a record.
        if unsafe SSL_write_ex(ssl, bytes, count, &taken) == 1 { return taken }
        ERR_clear_error()
        return nil
    }

    /// Changes the keys of this side and puts the notice of it into the transit: a record without data.
    func updateKeys() {
        if unsafe SSL_key_update(ssl, SSL_KEY_UPDATE_NOT_REQUESTED) != 1 || SSL_do_handshake(ssl) != 1 { ERR_clear_error() }
    }

    /// Puts the notice of the end of our side into the transit.
    func end() {
        if unsafe SSL_shutdown(ssl) < 0 { ERR_clear_error() }
    }

    /// Gives the memory back; the engine must not be used afterwards.
    func free() {
        // Without this the library drops the session from its caches as if the connection had failed.
        unsafe SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN)
        unsafe SSL_free(ssl)
    }

    private func failureText() -> String {
        defer { ERR_clear_error() }
        let verification = unsafe SSL_get_verify_result(ssl)
        if verification != X509_V_OK {
            return unsafe "certificate: " + String(cString: X509_verify_cert_error_string(Int(verification)))
        }
        return TLSError.lastReason() ?? "unexpected end"
    }
}

/// The library's queue of errors.
enum TLSError {
    /// The reason of the latest error of this thread; nil if there is none.
    static func lastReason() -> String? {
        let code = ERR_peek_last_error()
        guard code != 0 else { return nil }
        if let reason = unsafe ERR_reason_error_string(code) { return unsafe String(cString: reason) }
        return "OpenSSL error \(copenssl_error_reason(code))"
    }

    /// An error that says what was tried and the library's reason, and empties the queue.
    static func make(_ operation: String) -> IOError {
        defer { ERR_clear_error() }
        return IOError(operation, reason: lastReason() ?? "failed")
    }

    /// The same for a file that can't be loaded: the system's reason where that has one, else what the file has to be.
    static func make(loading name: String, _ path: String, expected: String) -> IOError {
        if unsafe access(path, R_OK) != 0 {
            let code = errno
            ERR_clear_error()
            return IOError("load the \(name) \(path)", errno: code)
        }
        var error = make("load the \(name) \(path)")
        error.reason += "; it must be a PEM file with \(expected)"
        return error
    }
}
