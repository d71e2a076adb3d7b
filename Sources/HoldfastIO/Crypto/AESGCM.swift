internal import COpenSSL

/// AES-256-GCM with one key, for sealing small things like tickets. One thread at a time.
@safe package final class AESGCM {
    /// Bytes of a key, a nonce, and of the tag at the end of what is sealed.
    package static let keyBytes = 32, nonceBytes = 12, tagBytes = 16
    // Used again each time: making one costs more than sealing a ticket.
    private let sealing: OpaquePointer
    private let opening: OpaquePointer

    /// Traps unless the key has 32 bytes.
    package init(key: Span<UInt8>) {
        precondition(key.count == Self.keyBytes, "a key has 32 bytes")
        unsafe sealing = Self.makeContext(key, encrypts: 1)
        unsafe opening = Self.makeContext(key, encrypts: 0)
    }

    deinit {
        // Wipes the key, too.
        unsafe EVP_CIPHER_CTX_free(sealing)
        unsafe EVP_CIPHER_CTX_free(opening)
    }

    /// Encrypts and authenticates, and appends the ciphertext and then the tag to `sealed`.
    /// - Parameters:
    ///   - nonce: 12 bytes, never the same twice with a key.
    ///   - associatedData: authenticated with it, not part of what is appended.
    package func seal(_ plaintext: Span<UInt8>, nonce: Span<UInt8>, associatedData: Span<UInt8>, to sealed: inout [UInt8]) {
        var count: Int32 = 0
        var isDone = unsafe begin(sealing, nonce, associatedData)
        let byteCount = plaintext.count + Self.tagBytes
        sealed.append(addingCapacity: byteCount) { (out: inout OutputSpan<UInt8>) in
            unsafe out.withUnsafeMutableBufferPointer { target, initializedCount in
                guard let base = target.baseAddress else { return }
                let end = unsafe base + plaintext.count
                unsafe isDone = isDone && Self.update(sealing, plaintext, into: base, &count)
                unsafe isDone = isDone && EVP_CipherFinal_ex(sealing, end, &count) == 1
                unsafe isDone = isDone && EVP_CIPHER_CTX_ctrl(sealing, EVP_CTRL_AEAD_GET_TAG, Int32(Self.tagBytes), end) == 1
                // Nothing here depends on the input: a failure means that the library is broken, and half-sealed must not get out.
                precondition(isDone, "AES-GCM failed")
                initializedCount = byteCount
            }
        }
    }

    /// Decrypts what `seal` made.
    /// - Returns: nil if anything doesn't fit: key, nonce, data, or a changed byte. The tag is compared in constant time.
    package func open(_ sealed: Span<UInt8>, nonce: Span<UInt8>, associatedData: Span<UInt8>) -> [UInt8]? {
        guard sealed.count >= Self.tagBytes, nonce.count == Self.nonceBytes else { return nil }
        let bodyCount = sealed.count - Self.tagBytes
        var tag = InlineArray<16, UInt8> { sealed[bodyCount + $0] }
        var count: Int32 = 0
        var isDone = unsafe begin(opening, nonce, associatedData)
        isDone = unsafe isDone && EVP_CIPHER_CTX_ctrl(opening, EVP_CTRL_AEAD_SET_TAG, Int32(Self.tagBytes), &tag) == 1
        var plaintext: [UInt8] = []
        // One byte more than needed gives the final call somewhere to write nothing to.
        plaintext.append(addingCapacity: bodyCount + 1) { (out: inout OutputSpan<UInt8>) in
            unsafe out.withUnsafeMutableBufferPointer { target, initializedCount in
                guard let base = target.baseAddress else { return }
                unsafe isDone = isDone && Self.update(opening, sealed.extracting(0..<bodyCount), into: base, &count)
                unsafe isDone = isDone && EVP_CipherFinal_ex(opening, base + bodyCount, &count) == 1
                initializedCount = isDone ? bodyCount : 0
            }
        }
        guard isDone else {
            ERR_clear_error()
            return nil
        }
        return plaintext
    }

    /// Begins anew, with the key that the context has.
    private func begin(_ context: OpaquePointer, _ nonce: Span<UInt8>, _ associatedData: Span<UInt8>) -> Bool {
        precondition(nonce.count == Self.nonceBytes, "a nonce has 12 bytes")
        var count: Int32 = 0
        let isDone = unsafe nonce.withUnsafeBufferPointer {
            unsafe EVP_CipherInit_ex(context, nil, nil, nil, $0.baseAddress, -1) == 1
        }
        return unsafe isDone && Self.update(context, associatedData, into: nil, &count)
    }

    private static func update(
        _ context: OpaquePointer, _ input: Span<UInt8>, into target: UnsafeMutablePointer<UInt8>?, _ count: inout Int32
    ) -> Bool {
        guard !input.isEmpty else { return true }
        return unsafe input.withUnsafeBufferPointer {
            unsafe EVP_CipherUpdate(context, target, &count, $0.baseAddress, Int32($0.count)) == 1
        }
    }

    private static func makeContext(_ key: Span<UInt8>, encrypts: Int32) -> OpaquePointer {
        precondition(OpenSSLLibrary.isReady, "OpenSSL doesn't start")
        guard let context = unsafe EVP_CIPHER_CTX_new() else { preconditionFailure("out of memory") }
        let status = unsafe key.withUnsafeBufferPointer {
            unsafe EVP_CipherInit_ex(context, EVP_aes_256_gcm(), nil, $0.baseAddress, nil, encrypts)
        }
        precondition(status == 1, "AES-256-GCM isn't there")
        return unsafe context
    }
}
