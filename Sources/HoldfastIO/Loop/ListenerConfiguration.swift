/// What a listener accepts.
package struct ListenerConfiguration: Sendable {
    /// Where to listen. Port 0 takes a free one. `[::]` takes IPv4 too.
    package var address: SocketAddress
    /// TLS, or nil for plaintext.
    package var tls: TLSServerContext?
    /// Peers that begin with a PROXY header, of version 1 or 2. From others it isn't accepted, from these it isn't optional.
    package var proxyProtocolFrom: [AddressRange]
    /// How long the PROXY header and the TLS handshake may take together.
    package var handshakeTimeoutMilliseconds: UInt32
    /// Connections that may wait to be accepted.
    package var backlog: Int32
    /// Another loop of this process listens there already.
    package var joins: Bool
    /// The address needn't be one that the machine has now.
    package var isFree: Bool

    /// A listener's settings.
    package init(
        address: SocketAddress, tls: TLSServerContext? = nil, proxyProtocolFrom: [AddressRange] = [],
        handshakeTimeoutMilliseconds: UInt32 = 10_000, backlog: Int32 = 4096, joins: Bool = false, isFree: Bool = false
    ) {
        self.address = address
        self.tls = tls
        self.proxyProtocolFrom = proxyProtocolFrom
        self.handshakeTimeoutMilliseconds = handshakeTimeoutMilliseconds
        self.backlog = backlog
        self.joins = joins
        self.isFree = isFree
    }
}

/// How an outgoing connection uses TLS.
package struct TLSClientOptions: Sendable {
    /// Trust and ALPN.
    package var context: TLSClientContext
    /// The name, or the IP address, that the server's certificate must be made out to.
    package var serverName: String
    /// A session to resume; nil takes the one that the context keeps for the name, if it keeps sessions.
    package var session: TLSSession?

    /// The options of one connection.
    package init(context: TLSClientContext, serverName: String, session: TLSSession? = nil) {
        self.context = context
        self.serverName = serverName
        self.session = session
    }
}
