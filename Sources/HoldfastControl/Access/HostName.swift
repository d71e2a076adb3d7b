internal import NIOCore

/// Which names a request may call the gateway by. A web page whose own name leads to this machine's address (DNS rebinding) is found out by its Host.
struct HostName: Sendable {
    private let names: Set<String>

    /// - Parameter names: beside loopback and the address that a connection has come to; letter case doesn't matter.
    init(_ names: [String]) { self.names = Set(names.map { $0.lowercased() }) }

    /// - Parameters:
    ///   - authority: HOST or HOST:PORT.
    ///   - localHost: the address that the connection has come to; nil: not one of the network.
    func allows(_ authority: String, localHost: String?) -> Bool {
        guard let host = Self.split(authority)?.host.lowercased() else { return false }
        if host == "localhost" || names.contains(host) { return true }
        guard let address = Self.canonical(host) else { return false }
        return address == "::1" || address.hasPrefix("127.") || address == localHost.flatMap(Self.canonical)
    }

    /// A numeric address as the system writes it, an IPv4 one also where it is written as an IPv6 one; nil: it is a name.
    private static func canonical(_ host: String) -> String? {
        let address = try? SocketAddress(ipAddress: String(host.prefix { $0 != "%" }), port: 0)
        return address?.ipAddress.map { $0.hasPrefix(mapped) && $0.contains(".") ? String($0.dropFirst(mapped.count)) : $0 }
    }

    private static let mapped = "::ffff:"

    /// Splits HOST:PORT, HOST, [IPV6]:PORT or [IPV6]; nil: it is none of them.
    static func split(_ text: String) -> (host: String, port: Int?)? {
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
    static func join(_ host: String, _ port: Int) -> String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
