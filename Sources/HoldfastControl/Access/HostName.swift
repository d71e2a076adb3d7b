internal import HoldfastIO

/// Which names a request may call the gateway by. A web page whose own name leads to this machine's address (DNS rebinding) is found out by its Host.
package struct HostName: Sendable {
    private let names: Set<String>

    /// - Parameter names: beside loopback and the address that a connection has come to; letter case doesn't matter.
    package init(_ names: [String]) { self.names = Set(names.map { $0.lowercased() }) }

    /// - Parameters:
    ///   - authority: HOST or HOST:PORT.
    ///   - localHost: the address that the connection has come to; nil: not one of the network.
    package func allows(_ authority: String, localHost: String?) -> Bool {
        guard let host = Self.split(authority)?.host.lowercased() else { return false }
        if host == "localhost" || names.contains(host) { return true }
        guard let address = Self.address(host) else { return false }
        return address.isLoopback || address == localHost.flatMap(Self.address)
    }

    /// A numeric address, an IPv4 one also where it is written as an IPv6 one; nil: it is a name.
    private static func address(_ host: String) -> SocketAddress? {
        try? SocketAddress(parsing: join(String(host.prefix { $0 != "%" }), 0))
    }

    /// Whether a web page of this origin (RFC 6454) was served under the name by which the gateway is called.
    package static func isOwn(origin: String, authority: String) -> Bool {
        origin == "http://\(authority)" || origin == "https://\(authority)"
    }

    /// Splits HOST:PORT, HOST, [IPV6]:PORT or [IPV6]; nil: it is none of them.
    package static func split(_ text: String) -> (host: String, port: Int?)? {
        var (host, rest) = (text[...], Substring())
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            host = text[text.index(after: text.startIndex)..<end]
            rest = text[text.index(after: end)...]
        } else if let colon = text.firstIndex(of: ":") {
            host = text[..<colon]
            rest = text[colon...]
        }
        guard !host.isEmpty else { return nil }
        guard !rest.isEmpty else { return (String(host), nil) }
        let digits = rest.dropFirst()
        guard rest.first == ":", digits.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }), let port = UInt16(digits) else {
            return nil
        }
        return (String(host), Int(port))
    }

    /// HOST:PORT, an IPv6 address in brackets.
    package static func join(_ host: String, _ port: Int) -> String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
