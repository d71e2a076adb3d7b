internal import CLinux

/// To and from the kernel's form.
extension SocketAddress {
    /// From 16 bytes in network order.
    init(ipv6 bytes: UnsafeRawBufferPointer, scope: UInt32 = 0, port: UInt16) {
        let high = unsafe UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self))
        let low = unsafe UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        self.init(high: high, low: low, scope: scope, port: port)
    }

    /// From an address that the kernel filled in; nil if it is neither IPv4 nor IPv6.
    init?(_ raw: UnsafePointer<sockaddr>) {
        switch unsafe Int32(raw.pointee.sa_family) {
        case AF_INET:
            let v4 = unsafe UnsafeRawPointer(raw).loadUnaligned(as: sockaddr_in.self)
            self.init(ipv4: UInt32(bigEndian: v4.sin_addr.s_addr), port: UInt16(bigEndian: v4.sin_port))
        case AF_INET6:
            var v6 = unsafe UnsafeRawPointer(raw).loadUnaligned(as: sockaddr_in6.self)
            let (scope, port) = (v6.sin6_scope_id, UInt16(bigEndian: v6.sin6_port))
            self = unsafe withUnsafeBytes(of: &v6.sin6_addr) { unsafe SocketAddress(ipv6: $0, scope: scope, port: port) }
        default:
            return nil
        }
    }

    init?(_ storage: sockaddr_storage) {
        var storage = storage
        let parsed = unsafe withUnsafePointer(to: &storage) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe SocketAddress($0) }
        }
        guard let parsed else { return nil }
        self = parsed
    }

    /// The family for `socket`.
    var family: Int32 { isIPv4 ? AF_INET : AF_INET6 }

    /// Calls `body` with the kernel's form.
    func withSockaddr<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        var storage = sockaddr_storage()
        let count: Int
        if isIPv4 {
            var v4 = sockaddr_in()
            v4.sin_family = sa_family_t(AF_INET)
            v4.sin_port = port.bigEndian
            v4.sin_addr.s_addr = UInt32(truncatingIfNeeded: low).bigEndian
            count = MemoryLayout<sockaddr_in>.size
            unsafe withUnsafeMutableBytes(of: &storage) { unsafe $0.storeBytes(of: v4, as: sockaddr_in.self) }
        } else {
            var v6 = sockaddr_in6()
            v6.sin6_family = sa_family_t(AF_INET6)
            v6.sin6_port = port.bigEndian
            v6.sin6_scope_id = scope
            unsafe withUnsafeMutableBytes(of: &v6.sin6_addr) { bytes in
                unsafe bytes.storeBytes(of: high.bigEndian, as: UInt64.self)
                unsafe bytes.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
            }
            count = MemoryLayout<sockaddr_in6>.size
            unsafe withUnsafeMutableBytes(of: &storage) { unsafe $0.storeBytes(of: v6, as: sockaddr_in6.self) }
        }
        return unsafe withUnsafePointer(to: &storage) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, socklen_t(count)) }
        }
    }
}
