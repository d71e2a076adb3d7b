internal import CLinux

/// Why a text isn't an address.
package struct AddressError: Error, Equatable, CustomStringConvertible, Sendable {
    /// What is wrong, with the text.
    package var description: String
    /// A reason, with the text.
    package init(_ description: String) { self.description = description }
}

/// An IPv4 or IPv6 address with a port.
///
/// An IPv4 address is held as the IPv4-mapped IPv6 address that it has on a dual-stack socket, and an IPv4-mapped one that
/// comes from such a socket is an IPv4 address here: both compare equal and count as one.
package struct SocketAddress: Hashable, Sendable, CustomStringConvertible {
    // The 16 bytes of the IPv6 address in network order, as two numbers.
    let high: UInt64
    let low: UInt64
    // The interface of a link-local address, else 0.
    let scope: UInt32
    /// The port.
    package var port: UInt16

    init(high: UInt64, low: UInt64, scope: UInt32 = 0, port: UInt16) {
        self.high = high
        self.low = low
        self.scope = scope
        self.port = port
    }

    /// An IPv4 address from its number, e.g. 0x7F000001 for 127.0.0.1.
    package init(ipv4 number: UInt32, port: UInt16) {
        self.init(high: 0, low: 0xFFFF_0000_0000 | UInt64(number), port: port)
    }

    /// Whether it is an IPv4 address.
    package var isIPv4: Bool { high == 0 && low >> 32 == 0xFFFF }

    /// Whether it stays on this machine: 127.0.0.0/8 or ::1.
    package var isLoopback: Bool { isIPv4 ? low >> 24 & 0xFF == 127 : high == 0 && low == 1 }

    /// Whether it stands for all addresses of the machine: 0.0.0.0 or ::.
    package var isUnspecified: Bool { isIPv4 ? UInt32(truncatingIfNeeded: low) == 0 : high == 0 && low == 0 }

    /// What limits per address count by.
    package var limitKey: AddressKey { AddressKey(of: self) }

    /// Parses `HOST:PORT` or `[IPV6]:PORT`; the host is a number, not a name. A link-local address names its interface: `[fe80::1%eth0]:7400`.
    package init(parsing text: String) throws(AddressError) {
        let (host, port) = try Self.split(text)
        self = try Self.parseHost(host, port: port)
    }

    /// The addresses that a host name (or a number) stands for, in the system's order of preference. Blocks: not for loops.
    package static func resolve(_ text: String) throws(AddressError) -> [SocketAddress] {
        let (host, port) = try split(text)
        if let address = try? parseHost(host, port: port) { return [address] }
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let status = unsafe getaddrinfo(host, nil, &hints, &list)
        guard status == 0 else {
            let reason = unsafe String(cString: gai_strerror(status))
            throw AddressError("'\(host)' can't be resolved: \(reason)")
        }
        defer { unsafe freeaddrinfo(list) }
        var result: [SocketAddress] = []
        var next = unsafe list
        while let entry = unsafe next {
            if let raw = unsafe entry.pointee.ai_addr, var address = unsafe SocketAddress(raw) {
                address.port = port
                if !result.contains(address) { result.append(address) }
            }
            unsafe next = entry.pointee.ai_next
        }
        if result.isEmpty { throw AddressError("'\(host)' has no IPv4 or IPv6 address") }
        return result
    }

    /// Splits `HOST:PORT` at the last colon; an IPv6 host must stand in brackets, so that its own colons are none.
    package static func split(_ text: String) throws(AddressError) -> (host: String, port: UInt16) {
        guard let colon = text.lastIndex(of: ":") else { throw AddressError("'\(text)' has no port: write HOST:PORT") }
        guard let port = UInt16(text[text.index(after: colon)...]), text[text.index(after: colon)...].first != "+" else {
            throw AddressError("'\(text)' has no port from 0 to 65535 after its last colon")
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
            guard host.contains(":") else { throw AddressError("'\(text)': only an IPv6 address stands in brackets") }
        } else if host.contains(":") {
            throw AddressError("'\(text)': write an IPv6 address in brackets, [::1]:7400")
        }
        guard !host.isEmpty else { throw AddressError("'\(text)' has no host") }
        return (String(host), port)
    }

    /// Parses a numeric address without port.
    static func parseHost(_ host: String, port: UInt16) throws(AddressError) -> SocketAddress {
        // C would take what stands before it for the whole.
        guard !host.utf8.contains(0) else { throw AddressError("an address can't have the character U+0000") }
        var v4 = in_addr()
        if unsafe inet_pton(AF_INET, host, &v4) == 1 {
            return SocketAddress(ipv4: UInt32(bigEndian: v4.s_addr), port: port)
        }
        var scope: UInt32 = 0
        let parts = host.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
        if parts.count == 2 {
            scope = unsafe if_nametoindex(String(parts[1]))
            guard scope > 0 else { throw AddressError("'\(host)': the machine has no interface \(parts[1])") }
        }
        var v6 = in6_addr()
        if unsafe inet_pton(AF_INET6, String(parts[0]), &v6) == 1 {
            let address = unsafe withUnsafeBytes(of: &v6) { unsafe SocketAddress(ipv6: $0, scope: scope, port: port) }
            guard scope == 0 || address.isLinkLocal else {
                throw AddressError("'\(host)': only a link-local address (fe80::) has an interface")
            }
            return address
        }
        throw AddressError("'\(host)' isn't an IPv4 or IPv6 address")
    }

    /// Good on one interface only: fe80::/10.
    private var isLinkLocal: Bool { high >> 54 == 0xFE80 >> 6 }

    /// The address as text, without the port.
    package var host: String {
        if isIPv4 { return (0..<4).map { String(low >> (24 - 8 * $0) & 0xFF) }.joined(separator: ".") }
        var address = in6_addr()
        unsafe withUnsafeMutableBytes(of: &address) { bytes in
            unsafe bytes.storeBytes(of: high.bigEndian, as: UInt64.self)
            unsafe bytes.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
        }
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        // 46 bytes hold every IPv6 address, so this can't fail.
        _ = unsafe inet_ntop(AF_INET6, &address, &text, socklen_t(text.count))
        let number = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        guard scope != 0 else { return number }
        var name = [CChar](repeating: 0, count: Int(IF_NAMESIZE))
        // An interface that has gone has a number only.
        guard unsafe if_indextoname(scope, &name) != nil else { return "\(number)%\(scope)" }
        return number + "%" + String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    package var description: String { isIPv4 ? "\(host):\(port)" : "[\(host)]:\(port)" }
}
