import Foundation

/// An XMPP client: SASL PLAIN, one resource, stream management with resumption (XEP-0198), offline messages by its presence.
///
/// A message counts as acknowledged when the server's `<a/>` covers it, and what came is acknowledged when the server asks.
final class XMPPMachine: PeerMachine {
    private enum Phase {
        case away
        /// Which features are awaited: those before, or those after the login.
        case features(isLoggedIn: Bool)
        case authenticating
        case resuming
        case binding
        case enabling
        case open
    }

    private let user: String
    private let role: PeerRole
    private var phase = Phase.away
    /// Of stream management: what a resumption names; nil: there is nothing to resume.
    private var session: String?
    /// Stanzas that came in this session.
    private var receivedCount: UInt32 = 0
    /// Stanzas that the server has said it handled, of this session.
    private var handledCount: UInt32 = 0
    /// Our own that came before the first message in `publishes`: 1 while the presence isn't handled.
    private var othersOpen: UInt32 = 0
    private var publishes = PublishQueue()
    /// So many of `publishes` are out in this session.
    private var sentCount = 0
    private var isAsking = false

    static let domain = "localhost"
    static let password = "p"
    private static let resource = "phone"
    private static let management = "xmlns='urn:xmpp:sm:3'"
    private static let retryMilliseconds: UInt32 = 500
    static let header =
        "<?xml version='1.0'?><stream:stream to='\(domain)' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"

    init(user: String, _ role: PeerRole) {
        self.user = user
        self.role = role
    }

    func opened(_ now: PeerNow, _ output: inout PeerOutput) {
        phase = .features(isLoggedIn: false)
        isAsking = false
        write(Self.header, &output)
    }

    func received(_ bytes: Span<UInt8>, _ now: PeerNow, _ output: inout PeerOutput) -> Int {
        var next = 0
        do throws(XMLError) {
            while !isAway, let (item, end) = try XMLReader.read(bytes, from: next) {
                next = end
                handle(item, &output)
            }
        } catch {
            breakOff("XMPP: \(error)", &output)
        }
        return isAway ? bytes.count : next
    }

    func closed(_ now: PeerNow, _ output: inout PeerOutput) {
        phase = .away
        output.events.append(.open(afterMilliseconds: Self.retryMilliseconds))
    }

    func publish(_ id: UInt64, to name: String, _ body: [UInt8], _ now: PeerNow, _ output: inout PeerOutput) {
        publishes.append(id, to: name, body)
        sendWaiting(&output)
    }

    func flush(_ now: PeerNow, _ output: inout PeerOutput) { ask(&output) }

    func leave(_ now: PeerNow, _ output: inout PeerOutput) {
        // A closed stream ends the session: what comes from now on waits in the offline storage.
        if case .open = phase { write("<presence type='unavailable'/></stream:stream>", &output) }
        session = nil
        phase = .away
    }

    private var isAway: Bool { if case .away = phase { true } else { false } }

    private func handle(_ item: XMLItem, _ output: inout PeerOutput) {
        switch item {
        case .declaration, .streamOpened: break
        case .streamClosed: breakOff("XMPP: the server closed the stream", &output)
        case .element(let element): handle(element, &output)
        }
    }

    private func handle(_ element: XMLElement, _ output: inout PeerOutput) {
        switch (element.name, phase) {
        case ("stream:features", .features(isLoggedIn: false)):
            phase = .authenticating
            let login = Data("\0\(user)\0\(Self.password)".utf8).base64EncodedString()
            write("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>\(login)</auth>", &output)
        case ("success", .authenticating):
            phase = .features(isLoggedIn: true)
            write(Self.header, &output)
        case ("stream:features", .features(isLoggedIn: true)): if session != nil { resume(&output) } else { bind(&output) }
        case ("resumed", .resuming): resumed(element, &output)
        case ("failed", .resuming):
            // The server has forgotten the session.
            session = nil
            bind(&output)
        case ("iq", .binding):
            guard element.attributes["type"] == "result" else { return breakOff("XMPP: bind was refused", &output) }
            phase = .enabling
            (receivedCount, handledCount, othersOpen, sentCount) = (0, 0, 0, 0)
            write("<enable \(Self.management) resume='true'/>", &output)
        case ("enabled", .enabling):
            guard let id = element.attributes["id"] else { return breakOff("XMPP: no resumption", &output) }
            session = id
            // A sender has no inbox: without presence nothing is sent to it.
            if role == .phone {
                othersOpen = 1
                write("<presence/>", &output)
            }
            becomeOpen(resumed: false, &output)
        case ("r", .open): write("<a \(Self.management) h='\(receivedCount)'/>", &output)
        case ("a", .open):
            isAsking = false
            acknowledged(element, &output)
            if sentCount > 0 { ask(&output) }
        case ("message", .open):
            receivedCount &+= 1
            message(element, &output)
        case ("presence", .open), ("iq", .open): receivedCount &+= 1
        case ("stream:error", _), ("failure", _): breakOff("XMPP: \(element.name) \(element.children.first?.name ?? "")", &output)
        default: breakOff("XMPP: <\(element.name.prefix(30))> out of turn", &output)
        }
    }

    private func bind(_ output: inout PeerOutput) {
        phase = .binding
        let bind = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>\(Self.resource)</resource></bind>"
        write("<iq type='set' id='b'>\(bind)</iq>", &output)
    }

    private func resume(_ output: inout PeerOutput) {
        phase = .resuming
        write("<resume \(Self.management) previd='\(session ?? "")' h='\(receivedCount)'/>", &output)
    }

    private func resumed(_ element: XMLElement, _ output: inout PeerOutput) {
        acknowledged(element, &output)
        guard !isAway else { return }
        // What it hasn't handled goes out again, in its order.
        sentCount = 0
        if othersOpen > 0 { write("<presence/>", &output) }
        becomeOpen(resumed: true, &output)
    }

    private func becomeOpen(resumed: Bool, _ output: inout PeerOutput) {
        phase = .open
        output.events.append(.ready(resumed: resumed))
        sendWaiting(&output)
        ask(&output)
    }

    private func sendWaiting(_ output: inout PeerOutput) {
        guard case .open = phase else { return }
        for entry in publishes.open.dropFirst(sentCount) {
            let body = Data(entry.body).base64EncodedString()
            write("<message to='\(entry.name)@\(Self.domain)' type='chat' id='\(entry.id)'><body>\(body)</body></message>", &output)
            sentCount += 1
        }
    }

    /// Asks how far the server is, one question at a time.
    private func ask(_ output: inout PeerOutput) {
        guard case .open = phase, !isAsking, sentCount > 0 else { return }
        isAsking = true
        write("<r \(Self.management)/>", &output)
    }

    /// `h`: so many of this session's stanzas the server has handled.
    private func acknowledged(_ element: XMLElement, _ output: inout PeerOutput) {
        guard let handled = element.attributes["h"].flatMap(UInt32.init), handled &- handledCount <= othersOpen + UInt32(sentCount) else {
            return breakOff("XMPP: it has handled more than was sent", &output)
        }
        var count = handled &- handledCount
        handledCount = handled
        let others = min(count, othersOpen)
        othersOpen -= others
        count -= others
        for _ in 0..<count {
            guard let entry = publishes.removeFirst() else { return }
            sentCount -= 1
            output.events.append(.acknowledged(entry.id))
        }
    }

    private func message(_ element: XMLElement, _ output: inout PeerOutput) {
        // A bounce: the server took the message over, and could not deliver it.
        guard element.attributes["type"] != "error" else {
            let reason = element.child("error")?.children.first?.name ?? "no reason"
            output.events.append(.trouble("XMPP: a message came back: \(reason.prefix(40))"))
            return
        }
        guard let text = element.child("body")?.text, let body = Data(base64Encoded: text) else {
            output.events.append(.trouble("XMPP: a message without a body"))
            return
        }
        let bytes = [UInt8](body)
        output.deliver(bytes.span)
    }

    private func breakOff(_ trouble: String, _ output: inout PeerOutput) {
        phase = .away
        output.events.append(.trouble(trouble))
        output.events.append(.close)
    }

    private func write(_ text: String, _ output: inout PeerOutput) { output.bytes.append(contentsOf: text.utf8) }
}

/// Makes accounts by in-band registration (XEP-0077), many on one connection; ready when the server has made all.
final class XMPPRegistration: PeerMachine {
    private let users: [String]
    private var made = 0

    init(_ users: [String]) { self.users = users }

    func opened(_ now: PeerNow, _ output: inout PeerOutput) { output.bytes.append(contentsOf: XMPPMachine.header.utf8) }

    func received(_ bytes: Span<UInt8>, _ now: PeerNow, _ output: inout PeerOutput) -> Int {
        var next = 0
        do throws(XMLError) {
            while let (item, end) = try XMLReader.read(bytes, from: next) {
                next = end
                if case .element(let element) = item { handle(element, &output) }
            }
        } catch {
            refuse("\(error)", &output)
            return bytes.count
        }
        return next
    }

    func closed(_ now: PeerNow, _ output: inout PeerOutput) {
        if made < users.count { output.events.append(.trouble("XMPP: accounts: the connection was lost")) }
    }

    func publish(_ id: UInt64, to name: String, _ body: [UInt8], _ now: PeerNow, _ output: inout PeerOutput) {}

    private func handle(_ element: XMLElement, _ output: inout PeerOutput) {
        switch element.name {
        case "stream:features":
            for user in users {
                let query =
                    "<query xmlns='jabber:iq:register'><username>\(user)</username><password>\(XMPPMachine.password)</password></query>"
                output.bytes.append(contentsOf: "<iq type='set' id='r'>\(query)</iq>".utf8)
            }
        case "iq" where element.attributes["type"] == "result":
            made += 1
            if made == users.count { output.events.append(.ready(resumed: false)) }
        default: refuse("<\(element.name.prefix(30))> \(element.child("error")?.children.first?.name ?? "")", &output)
        }
    }

    private func refuse(_ reason: String, _ output: inout PeerOutput) {
        output.events.append(.trouble("XMPP: accounts: \(reason)"))
        output.events.append(.close)
    }
}

/// Makes XMPP clients; their accounts are there already.
struct XMPPClients: PeerClients {
    /// What the names of this run's users begin with.
    let run = "l" + String(UInt32.random(in: .min ... .max), radix: 36)

    func name(_ index: Int) -> String { "\(run)-\(index)" }

    func machine(_ index: Int, _ role: PeerRole) -> any PeerMachine { XMPPMachine(user: name(index), role) }
}
