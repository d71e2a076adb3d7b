import Foundation

/// Two network namespaces and a cable: phones at one end, the gateway at the other.
final class NetworkLab: Sendable {
    let phones: NetworkNamespace
    let gateway: NetworkNamespace
    static let gatewayHost = "10.211.0.1"
    private static let phoneHosts = (2...9).map { "10.211.0.\($0)" }

    /// Makes them.
    init() throws {
        phones = try NetworkNamespace(role: "phones")
        gateway = try NetworkNamespace(role: "gateway")
        try Tool.run(
            "ip", ["link", "add", "name", "phones", "netns", phones.name, "type", "veth", "peer", "name", "gateway", "netns", gateway.name])
        try phones.ip("addr add \(Self.phoneHosts[0])/24 dev phones")
        try gateway.ip("addr add \(Self.gatewayHost)/24 dev gateway")
        try phones.ip("link set phones up")
        try gateway.ip("link set gateway up")
        for side in [phones, gateway] {
            // Hooks of its own: emptying one ends a fault.
            try side.nft("add table inet fault")
            try side.nft("add chain inet fault in { type filter hook input priority 0 ; policy accept ; }")
            try side.nft("add chain inet fault out { type filter hook output priority 0 ; policy accept ; }")
        }
    }

    /// The phones have another address, and the one before is gone.
    /// - Parameter turn: counted from 1 in a case.
    func changeAddress(turn: Int) throws {
        let hosts = Self.phoneHosts
        // In this order: the system removes with a network's first address the others of that network.
        try phones.ip("addr del \(hosts[(turn - 1) % hosts.count])/24 dev phones")
        try phones.ip("addr add \(hosts[turn % hosts.count])/24 dev phones")
    }

    /// Nothing goes through, in either direction, and nobody is told.
    func cut() throws {
        try gateway.nft("add rule inet fault in drop")
        try gateway.nft("add rule inet fault out drop")
    }

    /// All faults are over.
    func mend() throws {
        for side in [phones, gateway] {
            try side.nft("flush chain inet fault in")
            try side.nft("flush chain inet fault out")
        }
    }

    /// Whether this machine lets such a network be made; else why not.
    static func reasonAgainst() -> String? {
        if getuid() != 0 { return "network namespaces need root: run it with sudo" }
        for tool in ["ip", "nft", "ss", "sh", "cat"] where Tool.find(tool) == nil {
            return "\(tool) isn't installed (apt-get install iproute2 nftables)"
        }
        do {
            _ = try NetworkLab()
            return nil
        } catch {
            return "this system doesn't let network namespaces, veth pairs and nftables be made: \(error)"
        }
    }
}
