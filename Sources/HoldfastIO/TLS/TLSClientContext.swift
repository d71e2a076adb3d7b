package final class TLSSession: Sendable {}
package final class TLSClientContext: Sendable {
    package enum Trust: Sendable, Equatable {
        case system
        case file(String)
    }
    package init(
        trust: Trust = .system, minimumVersion: TLSVersion = .tls13, alpn: [String] = [], keepsSessions: Bool = true
    ) throws(IOError) { fatalError() }
    package func session(for serverName: String) -> TLSSession? { fatalError() }
}
