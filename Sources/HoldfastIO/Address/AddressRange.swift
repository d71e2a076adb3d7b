/// A block of addresses in CIDR form: `10.0.0.0/8`, `2001:db8::/32`, or one address.
package struct AddressRange: Hashable, Sendable, CustomStringConvertible {
    let base: SocketAddress
    // Counted over 128 bits, an IPv4 prefix begins at 96.
    let prefixBitCount: Int

    /// Parses `ADDRESS/BITS` or `ADDRESS`.
    package init(parsing text: String) throws(AddressError) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        let base = try SocketAddress.parseHost(String(parts[0]), port: 0)
        let bitCountMax = base.isIPv4 ? 32 : 128
        var bits = bitCountMax
        if parts.count == 2 {
            guard let given = Int(parts[1]), (0...bitCountMax).contains(given), parts[1].first != "+" else {
                throw AddressError("'\(text)': the prefix must be from 0 to \(bitCountMax)")
            }
            bits = given
        }
        let prefix = bits + 128 - bitCountMax
        let (high, low) = Self.masked(base, prefix)
        guard high == base.high, low == base.low else {
            throw AddressError("'\(text)' has bits set beyond its prefix")
        }
        self.base = base
        prefixBitCount = prefix
    }

    /// Whether the address, whatever its port, is in the block.
    package func contains(_ address: SocketAddress) -> Bool {
        guard address.isIPv4 == base.isIPv4 else { return false }
        let (high, low) = Self.masked(address, prefixBitCount)
        return high == base.high && low == base.low
    }

    package var description: String { "\(base.host)/\(base.isIPv4 ? prefixBitCount - 96 : prefixBitCount)" }

    private static func masked(_ address: SocketAddress, _ prefix: Int) -> (UInt64, UInt64) {
        // Swift's shift by 64 or more gives 0, which is what an empty mask is.
        let highMask: UInt64 = ~0 << UInt64(max(0, 64 - prefix))
        let lowMask: UInt64 = ~0 << UInt64(min(64, 128 - prefix))
        return (address.high & highMask, address.low & lowMask)
    }
}
