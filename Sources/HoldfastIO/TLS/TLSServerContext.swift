/// The oldest TLS version that is spoken.
package enum TLSVersion: String, Sendable {
    case tls12 = "1.2"
    case tls13 = "1.3"
}
package final class TLSServerContext: Sendable {
    package init(
        certificateChainFile: String, keyFile: String, minimumVersion: TLSVersion = .tls13, alpn: [String] = [], ticketCount: Int = 2
    ) throws(IOError) { fatalError() }
    package func reload() throws(IOError) { fatalError() }
}
