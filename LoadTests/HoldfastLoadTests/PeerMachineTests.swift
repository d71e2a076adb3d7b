import Testing

@testable import holdfast_load

/// The NATS and XMPP clients against servers that are written down here.
@Suite struct PeerMachineTests {
    /// What a machine did with an event: its bytes as text, and its events.
    private static func drive(_ body: (PeerNow, inout PeerOutput) -> Void) -> (text: String, events: [PeerEvent]) {
        var output = PeerOutput()
        body(PeerNow(milliseconds: 1000, random: 7), &output)
        return (String(decoding: output.bytes, as: UTF8.self), output.events)
    }

    private static func say(_ text: String, to machine: any PeerMachine) -> (text: String, events: [PeerEvent]) {
        let bytes = Array(text.utf8)
        return drive { #expect(machine.received(bytes.span, $0, &$1) == bytes.count) }
    }

    private static func openNATS() -> NATSMachine {
        let machine = NATSMachine(name: "a", .consumer)
        _ = drive { machine.opened($0, &$1) }
        #expect(say("INFO {}\r\n", to: machine).text.hasSuffix("SUB _INBOX.a.* 1\r\nSUB inbox.a 2\r\nPING\r\n"))
        #expect(say("PONG\r\n", to: machine).text.hasPrefix("PUB $JS.API.CONSUMER.DURABLE.CREATE.HOLDFAST.a _INBOX.a.r "))
        #expect(say("MSG _INBOX.a.r 1 13\r\n{\"type\":\"ok\"}\r\n", to: machine).events == [.ready(resumed: false)])
        return machine
    }

    @Test func `NATS makes a consumer once, reads, and acknowledges to the message's reply subject`() {
        let machine = Self.openNATS()
        let (text, events) = Self.say("MSG user.a 2 $JS.ACK.x 2\r\nhi\r\n", to: machine)
        #expect(text == "PUB $JS.ACK.x 0\r\n\r\n" && events == [.delivered(0..<2)])
        _ = Self.drive { machine.closed($0, &$1) }
        _ = Self.drive { machine.opened($0, &$1) }
        _ = Self.say("INFO {}\r\n", to: machine)
        let early = Self.say("MSG user.a 2 $JS.ACK.y 2\r\nhi\r\nPONG\r\n", to: machine)
        #expect(early.text == "PUB $JS.ACK.y 0\r\n\r\n" && early.events == [.delivered(0..<2), .ready(resumed: true)])
    }

    @Test func `NATS sends again what nobody took or answered`() {
        let machine = Self.openNATS()
        for id: UInt64 in 1...3 {
            #expect(Self.drive { machine.publish(id, to: "b", [104, 105], $0, &$1) }.text == "PUB user.b _INBOX.a.\(id) 2\r\nhi\r\n")
        }
        #expect(Self.say("MSG _INBOX.a.1 1 29\r\n{\"stream\":\"HOLDFAST\",\"seq\":1}\r\n", to: machine).events == [.acknowledged(1)])
        #expect(Self.say("MSG _INBOX.a.2 1 38\r\n{\"error\":{\"code\":5,\"description\":\"x\"}}\r\n", to: machine).events == [.rejected(2)])
        #expect(Self.say("HMSG _INBOX.a.3 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\n", to: machine).events == [.armTimer(at: 1500)])
        #expect(Self.drive { machine.timerFired($0, &$1) }.text == "PUB user.b _INBOX.a.3 2\r\nhi\r\n")
        _ = Self.drive { machine.closed($0, &$1) }
        _ = Self.drive { machine.opened($0, &$1) }
        _ = Self.say("INFO {}\r\n", to: machine)
        #expect(Self.say("PONG\r\n", to: machine).text == "PUB user.b _INBOX.a.3 2\r\nhi\r\n")
    }

    private static func openXMPP() -> XMPPMachine {
        let machine = XMPPMachine(user: "a", .phone)
        _ = drive { machine.opened($0, &$1) }
        #expect(say("<?xml version='1.0'?><stream:stream><stream:features/>", to: machine).text.contains(">AGEAcA==</auth>"))
        #expect(say("<success/>", to: machine).text == XMPPMachine.header)
        #expect(say("<stream:stream><stream:features/>", to: machine).text.contains("<bind "))
        #expect(say("<iq type='result'/>", to: machine).text == "<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
        let (text, events) = say("<enabled id='s'/>", to: machine)
        #expect(text == "<presence/>" && events == [.ready(resumed: false)])
        return machine
    }

    private static func login(_ machine: XMPPMachine) -> String {
        _ = drive { machine.closed($0, &$1) }
        _ = drive { machine.opened($0, &$1) }
        _ = say("<stream:stream><stream:features/>", to: machine)
        _ = say("<success/>", to: machine)
        return say("<stream:stream><stream:features/>", to: machine).text
    }

    @Test func `XMPP counts stanzas both ways, and goes on where the server says it was`() {
        let machine = Self.openXMPP()
        for id: UInt64 in 1...3 {
            let text = Self.drive { machine.publish(id, to: "b", [104, 105], $0, &$1) }.text
            #expect(text == "<message to='b@localhost' type='chat' id='\(id)'><body>aGk=</body></message>")
        }
        #expect(Self.drive { machine.flush($0, &$1) }.text == "<r xmlns='urn:xmpp:sm:3'/>")
        // The presence is one of them.
        let (text, events) = Self.say("<a h='2'/>", to: machine)
        #expect(text == "<r xmlns='urn:xmpp:sm:3'/>" && events == [.acknowledged(1)])
        #expect(Self.say("<message><body>aGk=</body></message>", to: machine).events == [.delivered(0..<2)])
        #expect(Self.say("<presence/><r/>", to: machine).text == "<a xmlns='urn:xmpp:sm:3' h='2'/>")

        #expect(Self.login(machine) == "<resume xmlns='urn:xmpp:sm:3' previd='s' h='2'/>")
        let resumed = Self.say("<resumed h='3'/>", to: machine)
        #expect(resumed.events == [.acknowledged(2), .ready(resumed: true)])
        #expect(resumed.text == "<message to='b@localhost' type='chat' id='3'><body>aGk=</body></message><r xmlns='urn:xmpp:sm:3'/>")
    }

    @Test func `XMPP begins anew where the server has forgotten the session`() {
        let machine = Self.openXMPP()
        _ = Self.drive { machine.publish(1, to: "b", [104, 105], $0, &$1) }
        _ = Self.login(machine)
        #expect(Self.say("<failed/>", to: machine).text.contains("<bind "))
        _ = Self.say("<iq type='result'/>", to: machine)
        #expect(Self.say("<enabled id='t'/>", to: machine).text.hasPrefix("<presence/><message to='b@localhost'"))
        #expect(Self.say("<a h='2'/>", to: machine).events == [.acknowledged(1)])
    }

    @Test func `nonsense closes the connection and is counted`() {
        for text in ["<a h='9'/>", "<a/>", "nonsense", "<unknown/>", "</stream:stream>"] {
            let events = Self.say(text, to: Self.openXMPP()).events
            #expect(events.count == 2 && events.last == .close, "\(text)")
        }
        for text in ["nonsense\r\n", "MSG _INBOX.a. 1 0\r\n\r\n", "MSG _INBOX.a.x 1 0\r\n\r\n", "-ERR 'no'\r\n"] {
            let events = Self.say(text, to: Self.openNATS()).events
            #expect(events.count == 2 && events.last == .close, "\(text)")
        }
    }
}
