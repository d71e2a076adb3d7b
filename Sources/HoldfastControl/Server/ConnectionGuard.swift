internal import HTTPTypes
internal import NIOCore
internal import NIOHTTP1
internal import NIOHTTPTypes

/// Ends connections whose client is slow, stuck or floods: a head, a body, and the taking of an answer each have their time. A request that is answered
/// before it was read to its end ends its connection, because what follows could be endless.
final class ConnectionGuard: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private enum Inbound: Equatable {
        case head
        case body(isUpload: Bool)
    }

    private let limits: ControlLimits
    private let isUpload: (HTTPRequest) -> Bool
    private let clientEnd: ClientEnd
    private var inbound = Inbound.head
    /// Requests whose answer isn't complete.
    private var answersDue = 0
    private var isLingering = false
    private var lingeredBytes = 0
    /// Somebody wants what comes next: a client is only slow while he is waited for.
    private var isReading = false
    /// When the connection ends if nothing comes before; it moves with each step of a request, and the timer is set anew only when it fires, because
    /// to set one costs more than the step.
    private var deadline = NIODeadline.distantFuture
    /// What the deadline was set to from then on.
    private var patience = TimeAmount.zero
    private var timer: Scheduled<Void>?
    private var timerDue = NIODeadline.distantFuture
    private var stallTimer: Scheduled<Void>?
    /// Of the head that is awaited; `HeadMeter` counts.
    var headBytes = 0

    /// - Parameters:
    ///   - clientEnd: is told when the client goes.
    ///   - isUpload: whether a request's body may be of any length, and is answered while it comes.
    init(_ limits: ControlLimits, _ clientEnd: ClientEnd, isUpload: @escaping (HTTPRequest) -> Bool) {
        self.limits = limits
        self.clientEnd = clientEnd
        self.isUpload = isUpload
    }

    /// Whether what comes belongs to a head.
    var awaitsHead: Bool { inbound == .head }

    func handlerAdded(context: ChannelHandlerContext) { setTimer(limits.headTime, context) }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        stallTimer?.cancel()
        clientEnd.tell()
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed? = event as? ChannelEvent { clientEnd.tell() }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        if isLingering {
            if case .body(let bytes) = part { lingeredBytes += bytes.readableBytes }
            if lingeredBytes > limits.lingerBytesMax { context.close(promise: nil) }
            return
        }
        switch part {
        case .head(let head):
            answersDue += 1
            let isUpload = isUpload(head)
            inbound = .body(isUpload: isUpload)
            setTimer(isUpload ? limits.uploadIdleTime : limits.bodyTime, context)
        case .body:
            if inbound == .body(isUpload: true) { setTimer(limits.uploadIdleTime, context) }
        case .end:
            inbound = .head
            headBytes = 0
            deadline = .distantFuture
        }
        context.fireChannelRead(data)
    }

    func read(context: ChannelHandlerContext) {
        isReading = true
        context.read()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        isReading = false
        context.fireChannelReadComplete()
        if isLingering { context.read() }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(var head)
        where answersRequestEarly && !(inbound == .body(isUpload: true) && head.status == .ok) && head.status.code >= 200:
            head.headerFields[.connection] = "close"
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .end:
            let isEarly = answersRequestEarly
            answersDue -= 1
            if isEarly {
                let written = promise ?? context.eventLoop.makePromise()
                let loopBound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
                written.futureResult.whenComplete { _ in
                    let (handler, context) = loopBound.value
                    handler.linger(context)
                }
                context.write(data, promise: written)
            } else {
                if answersDue == 0 && inbound == .head { setTimer(limits.idleTime, context) }
                context.write(data, promise: promise)
            }
        default: context.write(data, promise: promise)
        }
    }

    /// What is answered now hasn't been read to its end.
    private var answersRequestEarly: Bool { answersDue == 1 && inbound != .head }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        stallTimer?.cancel()
        if !context.channel.isWritable {
            stallTimer = context.eventLoop.assumeIsolated().scheduleTask(in: limits.stallTime) { context.close(promise: nil) }
        }
        context.fireChannelWritabilityChanged()
    }

    /// What can't be read as HTTP gets an answer if none is on its way, and the connection ends.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard !isLingering, answersDue == 0, let problem = Self.problem(error) else {
            if !isLingering { context.close(promise: nil) }
            return
        }
        let id = RequestID.make()
        let body = problem.json(requestID: id)
        var head = HTTPResponse(status: .init(code: problem.kind.status))
        head.headerFields[.requestID] = id
        head.headerFields[.contentType] = Problem.contentType
        head.headerFields[.contentLength] = String(body.count)
        head.headerFields[.connection] = "close"
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(ByteBuffer(bytes: body))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        linger(context)
    }

    private static func problem(_ error: any Error) -> Problem? {
        switch error {
        case HTTPParserError.headerOverflow: Problem(.headTooLarge, "The request's line and headers exceed the limits.")
        case is HeadTooLarge: Problem(.headTooLarge, "The request's line and headers exceed the limits.")
        case let error as HTTPParserError: Problem(.malformedRequest, "The request can't be read as HTTP/1.1: \(error).")
        default: nil
        }
    }

    /// No more is sent, and what still comes is dropped: closing at once would make the system take the answer back.
    private func linger(_ context: ChannelHandlerContext) {
        guard !isLingering, context.channel.isActive else { return }
        isLingering = true
        setTimer(limits.lingerTime, context)
        context.close(mode: .output, promise: nil)
        context.read()
    }

    /// Of what is awaited now; the connection ends with it, unless nobody reads at that time.
    private func setTimer(_ time: TimeAmount, _ context: ChannelHandlerContext) {
        patience = time
        deadline = .now() + time
        if timer == nil || timerDue > deadline { startTimer(context) }
    }

    private func startTimer(_ context: ChannelHandlerContext) {
        timer?.cancel()
        timerDue = deadline
        timer = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { self.timerFired(context) }
    }

    private func timerFired(_ context: ChannelHandlerContext) {
        timer = nil
        guard deadline <= .now() else {
            if deadline != .distantFuture { startTimer(context) }
            return
        }
        if inbound != .head && !isReading && !isLingering {
            setTimer(patience, context)
        } else {
            context.close(promise: nil)
        }
    }
}

/// Counts the bytes of a request's head before they are parsed, because the parser keeps a request line of any length.
final class HeadMeter: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let connection: ConnectionGuard
    private let bytesMax: Int

    init(_ connection: ConnectionGuard, bytesMax: Int) {
        self.connection = connection
        self.bytesMax = bytesMax
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if connection.awaitsHead {
            connection.headBytes += unwrapInboundIn(data).readableBytes
            guard connection.headBytes <= bytesMax else { return context.fireErrorCaught(HeadTooLarge()) }
        }
        context.fireChannelRead(data)
    }
}

/// A request's head exceeds the limit.
struct HeadTooLarge: Error {}
