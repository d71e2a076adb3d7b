internal import CLinux
internal import Glibc

extension SocketAddress {
    /// Connects once and lets go again, for those who want to know at once that nobody listens. Blocks.
    package func requireListener(milliseconds: Int) throws(IOError) {
        let descriptor = try EventLoop.makeSocket(family)
        defer { close(descriptor) }
        var code = unsafe withSockaddr { unsafe CLinux.connect(descriptor, $0, $1) } == 0 ? 0 : errno
        if code == EINPROGRESS {
            var polled = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            var count = socklen_t(MemoryLayout<Int32>.size)
            if unsafe poll(&polled, 1, Int32(clamping: milliseconds)) == 1 {
                unsafe getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &count)
            } else {
                code = ETIMEDOUT
            }
        }
        guard code == 0 else { throw IOError("connect to \(self)", errno: code) }
    }
}
