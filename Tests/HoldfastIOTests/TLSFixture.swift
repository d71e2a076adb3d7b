import COpenSSL
import Foundation
import Testing

@testable import HoldfastIO

/// A self-signed certificate in a folder of its own, and contexts over it.
final class TLSFixture {
    let folder: String
    var certificateFile: String { folder + "/certificate.pem" }
    var keyFile: String { folder + "/key.pem" }

    init(names: [String] = ["localhost", "127.0.0.1", "::1"]) throws {
        folder = NSTemporaryDirectory() + "/holdfast-tls-" + randomBytes(8).map { String($0, radix: 16) }.joined()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try renew(names: names)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    /// Writes another certificate with another key to the same files.
    func renew(names: [String]) throws {
        let made = try makeSelfSignedCertificate(names: names, days: 2)
        try made.certificatePEM.write(toFile: certificateFile, atomically: true, encoding: .utf8)
        try made.keyPEM.write(toFile: keyFile, atomically: true, encoding: .utf8)
    }

    func server(minimumVersion: TLSVersion = .tls13, alpn: [String] = []) throws -> TLSServerContext {
        try TLSServerContext(certificateChainFile: certificateFile, keyFile: keyFile, minimumVersion: minimumVersion, alpn: alpn)
    }

    func client(alpn: [String] = [], keepsSessions: Bool = true) throws -> TLSClientContext {
        try TLSClientContext(trust: .file(certificateFile), alpn: alpn, keepsSessions: keepsSessions)
    }
}

/// The library's own client over a blocking socket, for versions and misbehaviour that our client doesn't have.
@safe final class RawTLSClient {
    private let ssl: OpaquePointer
    private let context: OpaquePointer
    private let socket: RawSocket
    /// Whether the handshake succeeded.
    let isUp: Bool

    init(_ socket: RawSocket, maximumVersion: Int32 = TLS1_3_VERSION) throws {
        self.socket = socket
        // The library writes without MSG_NOSIGNAL.
        signal(SIGPIPE, SIG_IGN)
        unsafe context = try #require(unsafe SSL_CTX_new(TLS_client_method()))
        _ = unsafe copenssl_ctx_set_max_version(context, maximumVersion)
        unsafe ssl = try #require(unsafe SSL_new(context))
        unsafe SSL_set_fd(ssl, socket.descriptor)
        isUp = unsafe SSL_connect(ssl) == 1
        ERR_clear_error()
    }

    deinit {
        unsafe SSL_free(ssl)
        unsafe SSL_CTX_free(context)
    }

    var version: String { unsafe String(cString: SSL_get_version(ssl)) }

    func write(_ bytes: [UInt8]) -> Bool { unsafe SSL_write(ssl, bytes, Int32(bytes.count)) == bytes.count }

    func read(_ count: Int) -> [UInt8] {
        var result: [UInt8] = []
        while result.count < count {
            var buffer = [UInt8](repeating: 0, count: count - result.count)
            let got = unsafe SSL_read(ssl, &buffer, Int32(buffer.count))
            if got <= 0 { break }
            result += buffer[..<Int(got)]
        }
        ERR_clear_error()
        return result
    }

    /// Says that nothing more is written.
    func end() { unsafe SSL_shutdown(ssl) }

    /// Asks both sides to change keys, with the next write.
    func updateKeys() { unsafe SSL_key_update(ssl, Int32(SSL_KEY_UPDATE_REQUESTED)) }

    /// Changes its keys at once, so many times; false when the other side has had enough.
    func floodKeys(_ count: Int) -> Bool {
        for _ in 0..<count {
            guard unsafe SSL_key_update(ssl, SSL_KEY_UPDATE_NOT_REQUESTED) == 1, unsafe SSL_do_handshake(ssl) == 1 else {
                ERR_clear_error()
                return false
            }
        }
        return true
    }
}

/// The first message of a TLS client.
func clientHello(_ fixture: TLSFixture) throws -> [UInt8] {
    let context = try fixture.client()
    let transit = UnsafeMutablePointer<TLSTransit>.allocate(capacity: 1)
    unsafe transit.initialize(to: TLSTransit())
    let ssl = unsafe try context.makeSession(TLSClientOptions(context: context, serverName: "localhost"))
    let engine = try #require(unsafe TLSEngine(ssl: ssl, transit: transit))
    defer {
        engine.free()
        unsafe transit.pointee.deallocate()
        unsafe transit.deallocate()
    }
    _ = unsafe engine.handshake(recordsMax: 100, transit: transit)
    return unsafe Array(UnsafeBufferPointer(start: transit.pointee.outgoing, count: transit.pointee.outgoingCount))
}
