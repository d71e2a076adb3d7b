import CLinux
import Glibc
import Testing

@testable import HoldfastIO

/// A blocking socket, for peers that behave as no loop of ours would.
final class RawSocket: Sendable {
    let descriptor: Int32

    /// A socket that isn't connected, with a time limit for reads that only a failing test meets.
    init(_ family: Int32 = AF_INET, receiveBuffer: Int32? = nil) throws {
        descriptor = socket(family, Int32(SOCK_STREAM.rawValue), 0)
        try #require(descriptor >= 0)
        var limit = timeval(tv_sec: 30, tv_usec: 0)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        // What is written lies in the peer's socket at once, also if the peer doesn't answer.
        EventLoop.set(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        if let receiveBuffer { EventLoop.set(descriptor, SOL_SOCKET, SO_RCVBUF, receiveBuffer) }
    }

    /// A socket whose descriptor is at least this number.
    init(above number: Int32) throws {
        let first = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        descriptor = fcntl(first, F_DUPFD, number)
        Glibc.close(first)
        try #require(descriptor >= number)
        var limit = timeval(tv_sec: 30, tv_usec: 0)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    convenience init(to address: SocketAddress, receiveBuffer: Int32? = nil) throws {
        try self.init(address.family, receiveBuffer: receiveBuffer)
        try connect(to: address)
    }

    deinit { Glibc.close(descriptor) }

    func connect(to address: SocketAddress) throws {
        let status = unsafe address.withSockaddr { unsafe Glibc.connect(descriptor, $0, $1) }
        if status != 0 { throw IOError("connect", errno: errno) }
    }

    func write(_ bytes: [UInt8]) throws {
        let count = unsafe Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
        try #require(count == bytes.count)
    }

    /// Reads this many bytes, fewer at the end of the stream.
    func read(_ count: Int) -> [UInt8] {
        // One buffer for all: a new one for each little piece would take longer than the peer waits, in a slow build.
        var result = [UInt8](repeating: 0, count: count)
        var total = 0
        while total < count {
            let got = unsafe result.withUnsafeMutableBytes { bytes in
                unsafe bytes.baseAddress.map { unsafe recv(descriptor, $0 + total, count - total, 0) } ?? 0
            }
            if got <= 0 { break }
            total += got
        }
        result.removeLast(count - total)
        return result
    }

    /// Whether the next read finds the end or an error, and not bytes or the time limit.
    func isEnded() -> Bool {
        var byte: UInt8 = 0
        let got = unsafe recv(descriptor, &byte, 1, 0)
        return got == 0 || (got < 0 && errno != EAGAIN)
    }

    func endWriting() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Makes the close a reset.
    func resetOnClose() {
        var value = linger(l_onoff: 1, l_linger: 0)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &value, socklen_t(MemoryLayout<linger>.size))
    }
}
