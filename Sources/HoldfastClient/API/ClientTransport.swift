/// Where a gateway is.
public struct ClientEndpoint: Hashable, Sendable {
    /// A name or an address.
    public var host: String
    /// The port.
    public var port: UInt16
    /// Nil: without TLS.
    public var tls: TLSOptions?

    /// A gateway at this place.
    public init(host: String, port: UInt16, tls: TLSOptions? = nil) {
        self.host = host
        self.port = port
        self.tls = tls
    }

    /// How the gateway proves who it is.
    public struct TLSOptions: Hashable, Sendable {
        /// The name that its certificate must have; also sent to it.
        public var serverName: String
        /// A file of certificates to trust, PEM; nil: those of the system.
        public var trustFile: String?

        /// TLS with this name and trust.
        public init(serverName: String, trustFile: String? = nil) {
            self.serverName = serverName
            self.trustFile = trustFile
        }
    }
}

/// What happens on a connection, in this order: at most one `opened`, any number of `received`, at most one `closed`.
public enum TransportEvent: Sendable {
    /// Ready for bytes; with TLS, after the gateway has proved who it is.
    case opened
    /// Bytes came.
    case received([UInt8])
    /// It is over, or never came to be.
    case closed(TransportFailure)
}

/// How a connection ended.
public enum TransportFailure: Hashable, Sendable {
    /// It could not be opened; a text for the log.
    case unreachable(String)
    /// The gateway's certificate is not the right one; a text for the log.
    case untrusted(String)
    /// The other side closed it.
    case closedByPeer
    /// It broke.
    case broken(String)
}

/// Opens connections. To be made from Network.framework, an event loop, or arrays in a test.
public protocol ClientTransport: Sendable {
    /// Begins to open a connection and returns at once. `handler` is called from any thread, one call at a time, and never from within
    /// `open`, `write` or `close`.
    func open(_ endpoint: ClientEndpoint, handler: @escaping @Sendable (TransportEvent) -> Void) -> any ClientTransportConnection

    /// Calls `body` once the handlers were told what had come in until now. The client asks before a deadline counts: the process may have stood still, and
    /// the answer that it waits for lie in the socket. By default it is called at once.
    func afterEvents(_ body: @escaping @Sendable () -> Void)
}

extension ClientTransport {
    /// For transports whose events never wait.
    public func afterEvents(_ body: @escaping @Sendable () -> Void) { body() }
}

/// One connection of a transport.
public protocol ClientTransportConnection: AnyObject, Sendable {
    /// Sends bytes after those of earlier calls. Never waits; what doesn't go out yet is kept.
    func write(_ bytes: [UInt8])
    /// Closes after what was written has gone out, within a short time. Events may still come; they are ignored.
    func close()
}
