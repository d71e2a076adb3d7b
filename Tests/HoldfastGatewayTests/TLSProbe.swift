import HoldfastIO
import HoldfastWire

@testable import HoldfastGateway

/// One TLS connection to a gateway, over an event loop of its own: says HELLO and waits for the first frame.
final class TLSProbe: EventLoopDelegate {
    enum Outcome: Equatable, Sendable {
        case welcome(WelcomeOutcome)
        case failed(String)
    }

    private let hello: [UInt8]
    private let answer = Completion<Outcome>()

    private init(hello: [UInt8]) { self.hello = hello }

    /// What comes of it.
    static func run(address: SocketAddress, certificate: String, serverName: String, token: [UInt8]) async throws -> Outcome {
        var hello: [UInt8] = []
        let device = Array("phone".utf8)
        Preface.append(to: &hello)
        ClientFrameWriter.hello(isSendOnly: false, token: token.span, device: device.span, user: [UInt8]().span, state: nil, to: &hello)
        let probe = TLSProbe(hello: hello)
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
        do {
            guard let decoded = try ServerFrame.decode(bytes, at: 0, limits: .standard) else { return 0 }
            if case .welcome(let welcome)? = decoded.frame {
                answer.fulfil(.welcome(welcome.outcome))
            } else {
                answer.fulfil(.failed("\(String(describing: decoded.frame))"))
            }
        } catch {
            answer.fulfil(.failed("\(error)"))
        }
        return bytes.count
    }

    func closed(_ id: ConnectionID, _ reason: DisconnectReason) { answer.fulfil(.failed("\(reason)")) }
    func deadlineReached(_ id: ConnectionID) {}
    func woken() {}
    func ticked(_ now: UInt64) {}
    func iterationEnded() {}
}
