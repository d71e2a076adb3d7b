internal import COpenSSL

/// The library as a whole.
package enum OpenSSLLibrary {
    /// The version that runs, as the library names it.
    package static var version: String { unsafe String(cString: OpenSSL_version(OPENSSL_VERSION)) }

    /// Starts the library at its first use; false if it can't be. Whoever may be the first to use it asks this before.
    ///
    /// Without its clean-up at the end of the process: that frees what is shared while loops still use it, and what it keeps for each thread
    /// while a thread that ends frees the same. The system takes the memory back anyway. The first start decides: once the library has
    /// started by itself, with the clean-up, nothing takes that back.
    ///
    /// Without its questions too: a key that is encrypted, or a certificate, would have the library ask for a password on the terminal, and wait.
    static let isReady: Bool = {
        guard OPENSSL_init_ssl(UInt64(OPENSSL_INIT_NO_ATEXIT), nil) == 1 else { return false }
        unsafe UI_set_default_method(UI_null())
        return true
    }()
}
