/// What limits per address count by: an IPv4 address, or an IPv6 /64, which one household or one phone has to itself.
package struct AddressKey: Hashable, Sendable {
    // An IPv4 address has no high half, an IPv6 one no low half: the two kinds can't meet.
    let high: UInt64
    let low: UInt64

    init(of address: SocketAddress) {
        high = address.isIPv4 ? 0 : address.high
        low = address.isIPv4 ? address.low : 0
    }
}
