import Foundation
import HoldfastIO

/// What the machine lets one process have.
enum Limits {
    /// What to do when descriptors or ports don't suffice.
    static let advice = "Raise the descriptor limit (ulimit -n), or use fewer --clients"
    /// Descriptors that are no phone's.
    private static let spareDescriptors = 64

    /// Throws if so many connections can't be made.
    static func check(connections: Int, sources: Int) throws {
        let descriptors = try DescriptorLimit.raiseToMaximum()
        let needed = connections + spareDescriptors
        guard needed <= descriptors else {
            throw LoadError(
                "\(connections) connections need \(needed) descriptors, and this process may have \(descriptors). Raise the limit (ulimit -n "
                    + "\(needed), as root also above the hard limit), use fewer --clients, or lower --clients-per-process where there is one"
            )
        }
        let ports = portCount * sources
        guard connections <= ports else {
            throw LoadError(
                "\(connections) connections need as many ports, and there are \(ports). Widen the range (sysctl -w "
                    + "net.ipv4.ip_local_port_range=\"1024 65535\"), or use fewer --clients")
        }
    }

    /// Ports that the system gives to outgoing connections, for each pair of addresses.
    private static var portCount: Int {
        let text = (try? String(contentsOfFile: "/proc/sys/net/ipv4/ip_local_port_range", encoding: .utf8)) ?? ""
        let numbers = text.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
        return numbers.count == 2 ? numbers[1] - numbers[0] + 1 : 28_000
    }
}
