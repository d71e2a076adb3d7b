internal import HoldfastIO
internal import Logging
internal import Synchronization

/// Names, once, addresses whose connections were closed for something that an operator can act on. The loops share it, and ask it about such
/// connections only.
final class AddressLog: Sendable {
    /// A line of the log.
    struct Line: Equatable, Sendable {
        var level = Logger.Level.warning
        var message: String
        var metadata: [String: String] = [:]
    }

    private enum Matter: Hashable {
        case unexpectedProxyHeader, badProxyHeader, overhead
        case handshake(HandshakeFault)
    }

    fileprivate struct State {
        /// When each address was named, in monotonic milliseconds.
        var named: [AddressKey: UInt64] = [:]
        /// When it was last said that others aren't.
        var silencedAt: UInt64?
    }

    private let states = Mutex<[Matter: State]>([:])
    private let warn: @Sendable (Line) -> Void
    /// How long nobody is named again.
    static let silenceMilliseconds: UInt64 = 3_600_000
    /// How many are named in that time for each matter: it is peers who make these lines, and those of one must not take the place of another's.
    static let entriesMax = 64

    private let names: LogNames

    init(_ names: LogNames, warn: @escaping @Sendable (Line) -> Void) {
        self.names = names
        self.warn = warn
    }

    /// A connection from there was refused for its PROXY header, or for want of one.
    func note(_ peer: SocketAddress, _ refusal: ProxyRefusal, now: UInt64) {
        switch refusal {
        case .unexpected:
            guard isNew(.unexpectedProxyHeader, peer.limitKey, now) else { return }
            warn(
                Line(
                    message: "closed a connection that begins with a PROXY header, from an address that proxyProtocolFrom doesn't name",
                    metadata: [
                        "address": peer.host,
                        "do":
                            "if it is your balancer, add it to proxyProtocolFrom and restart, or turn the PROXY protocol off there; else nothing",
                    ]))
        case .bad(let failure):
            guard isNew(.badProxyHeader, peer.limitKey, now) else { return }
            warn(
                Line(
                    message: "closed a connection without a good PROXY header, from an address that proxyProtocolFrom names",
                    metadata: [
                        "address": peer.host, "reason": "\(failure)",
                        "do":
                            "have the balancer send one (haproxy: send-proxy-v2, nginx: proxy_protocol on), or take it out of proxyProtocolFrom "
                            + "and restart",
                    ]))
        }
    }

    /// A connection from there was closed because it cost its loop more than it brought.
    func noteOverhead(_ address: AddressKey, now: UInt64) {
        guard isNew(.overhead, address, now) else { return }
        warn(
            Line(
                message: "closed a connection that floods its event loop: TLS records without data, or a frame sent byte by byte",
                metadata: metadata(address, "do", "if it comes back again and again, filter the address before the gateway")))
    }

    /// A TLS handshake with somebody there failed. What an operator can do nothing about isn't named.
    func noteHandshake(_ address: AddressKey, _ reason: String, now: UInt64) {
        guard let fault = HandshakeFault(reason), isNew(.handshake(fault), address, now) else { return }
        var metadata = metadata(address, "do", fault.advice)
        metadata["reason"] = reason
        warn(Line(level: .notice, message: "a TLS handshake failed: the client \(fault.rawValue)", metadata: metadata))
    }

    /// Clients' addresses are shortened as those of users are. Proxies', which have to be configured, aren't.
    private func metadata(_ address: AddressKey, _ key: String, _ value: String) -> [String: String] {
        var metadata = [key: value]
        metadata["address"] = names.address(address)
        return metadata
    }

    private func isNew(_ matter: Matter, _ address: AddressKey, _ now: UInt64) -> Bool {
        let (isNamed, isSilenced) = states.withLock { states in states[matter, default: State()].take(address, now) }
        if isSilenced {
            warn(
                Line(message: "too many addresses whose connections are closed for the same reason: no others are named for it for an hour")
            )
        }
        return isNamed
    }
}

extension AddressLog.State {
    /// Whether the address is to be named, and if not, whether it is to be said that no others are.
    fileprivate mutating func take(_ address: AddressKey, _ now: UInt64) -> (isNamed: Bool, isSilenced: Bool) {
        if let at = named[address], now < at + AddressLog.silenceMilliseconds { return (false, false) }
        if named.count >= AddressLog.entriesMax { named = named.filter { now < $0.value + AddressLog.silenceMilliseconds } }
        if named.count < AddressLog.entriesMax {
            named[address] = now
            return (true, false)
        }
        if let at = silencedAt, now < at + AddressLog.silenceMilliseconds { return (false, false) }
        silencedAt = now
        return (false, true)
    }
}
