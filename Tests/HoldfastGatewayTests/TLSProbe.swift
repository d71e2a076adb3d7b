import HoldfastIO
import HoldfastWire

@testable import HoldfastGateway

/// One TLS connection to a gateway, over an event loop of its own: says HELLO and waits for the first frame.
final class TLSProbe: EventLoopDelegate {
    enum Outcome: Equatable, Sendable {
        case welcome(WelcomeOutcome)
        case closed(CloseCode)
        case failed(String)
    }

    private let hello: [UInt8]
    private let answer = Completion<Outcome>()

    private let floodsKeys: Bool

    private init(hello: [UInt8], floodsKeys: Bool) {
        self.hello = hello
        self.floodsKeys = floodsKeys
    }

    /// What comes of it.
    /// - Parameter floodsKeys: whether it changes its keys again and again after `WELCOME`, and waits for what is said to that.
    static func run(
        address: SocketAddress, certificate: String, serverName: String, token: [UInt8], floodsKeys: Bool = false
    ) async throws -> Outcome {
        var hello: [UInt8] = []
        let device = Array("phone".utf8)
        Preface.append(to: &hello)
        ClientFrameWriter.hello(isSendOnly: false, token: token.span, device: device.span, user: [UInt8]().span, state: nil, to: &hello)
        let probe = TLSProbe(hello: hello, floodsKeys: floodsKeys)
        let loop = try EventLoop()
        loop.delegate = probe
        let context = try TLSClientContext(trust: .file(certificate), alpn: ["holdfast/1"])
        probe.loop = loop
        _ = try loop.connect(to: address, tls: TLSClientOptions(context: context, serverName: serverName))
        let answer = probe.answer
        let thread = try loop.start()
        let outcome = await answer.value()
        loop.stop()
        thread.join()
        return outcome
    }

    private weak var loop: EventLoop?

    func opened(_ id: ConnectionID, _ info: ConnectionInfo) {
        let hello = hello
        loop?.send(id, hello.span)
    }

    func connectFailed(_ id: ConnectionID, _ info: ConnectionInfo, _ error: ConnectError) { answer.fulfil(.failed("\(error)")) }

    func received(_ id: ConnectionID, _ bytes: Span<UInt8>) -> Int {
        var offset = 0
        do {
            while let decoded = try ServerFrame.decode(bytes, at: offset, limits: .standard) {
                offset += decoded.byteCount
                switch decoded.frame {
                case .welcome(let welcome)?:
                    if floodsKeys { loop?.updateKeys(id, count: 1_000) } else { answer.fulfil(.welcome(welcome.outcome)) }
                case .ticket?: break
                case .closed(let closed)?: answer.fulfil(.closed(closed.code))
                default: answer.fulfil(.failed("\(String(describing: decoded.frame))"))
                }
            }
        } catch {
            answer.fulfil(.failed("\(error)"))
            return bytes.count
        }
        return offset
    }

    func closed(_ id: ConnectionID, _ reason: DisconnectReason) { answer.fulfil(.failed("\(reason)")) }
    func deadlineReached(_ id: ConnectionID) {}
    func woken() {}
    func ticked(_ now: UInt64) {}
    func iterationEnded() {}
}
