/// What limits per address count by: an IPv4 address, or an IPv6 /64, which one household or one phone has to itself. Eight bytes, because
/// each connection has one.
package struct AddressKey: Hashable, Sendable, CustomStringConvertible {
    /// The upper half of an IPv6 address; of an IPv4 address its mapped form's lower half, 0:ffff:a.b.c.d, which as an upper half is
    /// reserved (RFC 4291, 2.4): the two kinds don't meet.
    package let bits: UInt64

    /// Nobody's: the upper half of a multicast address, from which nobody connects.
    package static let none = AddressKey(bits: .max)

    private init(bits: UInt64) { self.bits = bits }

    /// The address, or the /64.
    package var description: String {
        if bits >> 32 == 0xFFFF { return SocketAddress(high: 0, low: bits, port: 0).host }
        return SocketAddress(high: bits, low: 0, port: 0).host + "/64"
    }

    /// The network that it is in, of a size that names no household: an IPv4 /24, an IPv6 /48.
    package var network: String {
        if bits >> 32 == 0xFFFF { return SocketAddress(high: 0, low: bits & ~0xFF, port: 0).host + "/24" }
        return SocketAddress(high: bits & ~0xFFFF, low: 0, port: 0).host + "/48"
    }

    init(of address: SocketAddress) { bits = address.isIPv4 ? address.low : address.high }
}
