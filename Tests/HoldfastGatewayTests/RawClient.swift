import Glibc
import HoldfastIO
import HoldfastWire

/// A connection of a test: writes and reads bytes of the protocol, and waits for as long as it takes (but not for ever).
final class RawClient {
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    private let descriptor: Int32
    private(set) var bytes: [UInt8] = []
    private var offset = 0
    /// The last sequence that is stored.
    var sentThrough: UInt64 = 0
    /// The last position of the stream that came.
    var streamEnd: Position?
    /// Whether the gateway has closed the connection.
    private(set) var isClosed = false

    /// Connects to a port of 127.0.0.1 and sends the preface.
    init(port: UInt16, sendsPreface: Bool = true) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = unsafe withUnsafePointer(to: &address) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw Failure(description: "connect: errno \(errno)") }
        var timeout = timeval(tv_sec: 20, tv_usec: 0)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        var one: Int32 = 1
        unsafe setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        if sendsPreface { try send { Preface.append(to: &$0) } }
    }

    deinit { close(descriptor) }

    /// Ends the connection without a word.
    func disconnect() { _ = shutdown(descriptor, Int32(SHUT_RDWR)) }

    /// Sends what `write` appends.
    func send(_ write: (inout [UInt8]) -> Void) throws {
        var out: [UInt8] = []
        write(&out)
        var sent = 0
        while sent < out.count {
            let count = unsafe out[sent...].withUnsafeBytes { unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { throw Failure(description: "send: errno \(errno)") }
            sent += count
        }
    }

    /// Sends what `write` appends and ends this side, both in one segment: whoever reads the one has the other.
    func sendAndEnd(_ write: (inout [UInt8]) -> Void) throws {
        var one: Int32 = 1
        unsafe setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, [Int32(0)], socklen_t(MemoryLayout<Int32>.size))
        unsafe setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_CORK, &one, socklen_t(MemoryLayout<Int32>.size))
        try send(write)
        _ = shutdown(descriptor, Int32(SHUT_WR))
    }

    /// The next frame; nil when the gateway has closed the connection. Ranges are of `bytes`.
    func next() throws -> ServerFrame? {
        while true {
            let bytes = bytes
            if let decoded = try ServerFrame.decode(bytes.span, at: offset, limits: .standard) {
                offset += decoded.byteCount
                guard let frame = decoded.frame else { continue }
                return frame
            }
            guard try read() else { return nil }
        }
    }

    /// The next frame but `TICKET`.
    func nextBesidesTicket() throws -> ServerFrame? {
        while let frame = try next() {
            guard case .ticket(_, let range) = frame else { return frame }
            ticket = Array(bytes[range])
        }
        return nil
    }

    /// The next frame; if it is a ticket, it is kept.
    func nextKeepingTicket() throws -> ServerFrame? {
        let frame = try next()
        if case .ticket(_, let range)? = frame { ticket = Array(bytes[range]) }
        return frame
    }

    /// The last one that came.
    private(set) var ticket: [UInt8]?

    /// The code that the gateway closes with, after any frames before it; nil when it closes without.
    func closeCode() throws -> CloseCode? {
        while let frame = try next() {
            if case .closed(let closed) = frame { return closed.code }
        }
        return nil
    }

    /// The text and the code that the gateway closes with, after any frames before it.
    func closed() throws -> (text: String, code: CloseCode?) {
        while let frame = try next() {
            if case .closed(let closed) = frame { return (text(closed.text), closed.code) }
        }
        return ("", nil)
    }

    func text(_ range: ByteRange) -> String { String(decoding: bytes[range], as: UTF8.self) }

    private func read() throws -> Bool {
        var buffer = [UInt8](repeating: 0, count: 65536)
        let count = unsafe recv(descriptor, &buffer, buffer.count, 0)
        guard count >= 0 || errno == ECONNRESET else { throw Failure(description: "nothing came: errno \(errno)") }
        if count <= 0 {
            isClosed = true
            return false
        }
        bytes += buffer[..<count]
        return true
    }
}
