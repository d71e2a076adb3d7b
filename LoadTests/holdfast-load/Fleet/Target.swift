import HoldfastIO

/// The gateway that a run is against.
struct Target: Sendable {
    /// Where it listens.
    var address: SocketAddress
    /// Nil: plaintext.
    var tls: TLSClientOptions?
    /// Its process on this machine, if known: whose memory and CPU time are read.
    var pid: Int32?
    /// The secret that it checks tokens with.
    var secret: [UInt8]

    /// Addresses to connect from, taken in turn. A pair of addresses has some 28,000 ports, and loopback has many addresses: several are
    /// used, so that ports of connections that have just ended don't matter.
    var sources: [SocketAddress] {
        guard address.isIPv4, address.isLoopback else { return [] }
        return (0..<Self.sourceCount).map { SocketAddress(ipv4: Self.firstSource + $0, port: 0) }
    }

    private static let firstSource: UInt32 = 0x7F00_0002
    private static let sourceCount: UInt32 = 16
}
