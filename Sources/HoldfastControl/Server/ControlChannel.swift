internal import HTTPTypes
internal import HummingbirdCore
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import NIOHTTPTypes
internal import NIOHTTPTypesHTTP1
internal import NIOSSL

/// Which of the listeners a request came by.
enum Door: Equatable, Sendable {
    /// `controlListen`: everything, for those who have a token.
    case control
    /// `controlSocket`: everything, for root and the gateway's user.
    case socket
    /// `metricsListen`: what needs no token.
    case metrics
}

/// Sets up and serves the connections of a listener.
struct ControlChannel: ServerChildChannel {
    /// A connection.
    struct Value: ServerChildChannelValue {
        let parts: NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>
        /// Who has connected to the unix socket.
        let peer: Peer?
        let clientEnd: ClientEnd
        var channel: any Channel { parts.channel }
    }

    let door: Door
    let tls: ControlTLS?
    let limits: ControlLimits
    let responder: ControlResponder

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        let peer: EventLoopFuture<Peer?> =
            door == .socket ? ControlSocket.peer(of: channel).map { $0 } : channel.eventLoop.makeSucceededFuture(nil)
        let clientEnd = ClientEnd()
        return peer.flatMapThrowing { try Value(parts: self.pipeline(channel, clientEnd, logger), peer: $0, clientEnd: clientEnd) }
    }

    private func pipeline(
        _ channel: any Channel, _ clientEnd: ClientEnd, _ logger: Logger
    ) throws -> NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart> {
        try channel.syncOptions?.setOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: limits.readBytes))
        try channel.syncOptions?.setOption(.maxMessagesPerRead, value: 1)
        let pipeline = channel.pipeline.syncOperations
        if let tls { try pipeline.addHandler(NIOSSLServerHandler(context: tls.context)) }
        let connection = ConnectionGuard(limits, clientEnd) { head in Operation.isUpload(head) }
        try pipeline.addHandler(HeadMeter(connection, bytesMax: limits.headBytesMax))
        var decoderLimits = NIOHTTPDecoderLimitConfiguration()
        decoderLimits.maxHeaderFieldSize = limits.headerBytesMax
        decoderLimits.maxHeaderListSize = limits.headBytesMax
        decoderLimits.maxHeaderFieldCount = limits.headersMax
        try pipeline.configureHTTPServerPipeline(
            withPipeliningAssistance: false, withErrorHandling: false, withOutboundHeaderValidation: false,
            withEncoderConfiguration: .init(), withDecoderLimitConfiguration: decoderLimits)
        try pipeline.addHandler(HTTP1ToHTTPServerCodec(secure: tls != nil))
        try pipeline.addHandler(connection)
        try pipeline.addHandler(HTTPConnectionStateHandler(logger: logger))
        return try NIOAsyncChannel(wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
    }

    func handle(value: Value, logger: Logger) async {
        let responder = responder
        let connection = Connection(door: door, peer: value.peer, clientEnd: value.clientEnd, local: value.channel.localAddress)
        let http = HTTP1Channel(responder: { request, writer, _ in try await responder.respond(to: request, writer, connection) })
        await http.handleHTTP(asyncChannel: value.parts, logger: logger)
    }
}

/// What a request's connection says of it.
struct Connection: Sendable {
    let door: Door
    let peer: Peer?
    let clientEnd: ClientEnd
    /// The address that the client has called, alone and with its port; nil for the unix socket.
    let localHost: String?
    let localAuthority: String?

    init(door: Door, peer: Peer?, clientEnd: ClientEnd, local: SocketAddress?) {
        self.door = door
        self.peer = peer
        self.clientEnd = clientEnd
        localHost = local?.ipAddress
        localAuthority = localHost.flatMap { host in local?.port.map { HostName.join(host, $0) } }
    }
}
