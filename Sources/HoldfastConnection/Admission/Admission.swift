/// Who may connect: counts of all connections and of those from one address. The driver gives addresses numbers as it limits them: an
/// IPv4 address, or the /64 of an IPv6 one. (A generic key isn't specialized across modules: counting took 4 % of what a connect costs.)
package struct Admission: Sendable {
    package enum Refusal: Equatable, Sendable {
        case gatewayFull
        case tooManyConnections
    }

    package private(set) var connectionCount = 0
    private let connectionsMax: Int
    private let connectionsPerAddressMax: Int
    /// Only addresses with connections.
    private var countByAddress: [UInt64: UInt32] = [:]

    package init(connectionsMax: Int, connectionsPerAddressMax: Int) {
        self.connectionsMax = connectionsMax
        self.connectionsPerAddressMax = connectionsPerAddressMax
    }

    /// Counts a connection from `address`, or says why there is no room for it; then nothing was counted.
    package mutating func admit(_ address: UInt64) -> Refusal? {
        guard connectionCount < connectionsMax else { return .gatewayFull }
        let count = countByAddress[address, default: 0]
        guard count < connectionsPerAddressMax else { return .tooManyConnections }
        countByAddress[address] = count + 1
        connectionCount += 1
        return nil
    }

    /// A connection that was admitted is gone.
    package mutating func release(_ address: UInt64) {
        guard let count = countByAddress[address] else { preconditionFailure("released more often than admitted") }
        countByAddress[address] = count > 1 ? count - 1 : nil
        connectionCount -= 1
    }

    package var addressCount: Int { countByAddress.count }
}
