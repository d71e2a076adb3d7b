import Foundation
import HoldfastCore
import HoldfastGateway
import HoldfastWire
import TestTraits
import Testing

/// What operators do to users of a gateway that serves.
@Suite(.takesTurns, .timeLimit(.minutes(10))) struct GatewayActTests {
    private func act(_ act: Act, on user: String = "", _ gateway: TestGateway) async throws -> ActResult {
        let port = try #require(gateway.gateway.port)
        let answer = try await port.act(act, on: Array(user.utf8), by: .process(uid: 0, pid: 7), requestID: Array("r-1".utf8))
        guard case .acted(let result, _) = answer else { throw Unexpected(nil) }
        return result
    }

    private func audit(_ gateway: TestGateway) async throws -> [AuditRecord] {
        let port = try #require(gateway.gateway.port)
        guard case .audit(let page, _) = try await port.audit() else { throw Unexpected(nil) }
        return page.entries.map(\.record)
    }

    private func lines(_ path: String) throws -> [String] {
        try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map(String.init)
    }

    @Test func `where a connection comes from is told by its loop, and nothing of one that has ended`() async throws {
        let gateway = try await TestGateway()
        let port = try #require(gateway.gateway.port)
        let before = gateway.gateway.wallSeconds
        let (ann, _) = try await gateway.connect("ann")
        let bob = try await gateway.connect("bob").0
        guard case .connections(let page, _) = try await port.connections() else { throw Unexpected(nil) }
        let facts = await gateway.gateway.facts(of: page.connections.map(\.handle))
        #expect(facts.count == 2 && page.connections.count == 2)
        for fact in facts.values {
            #expect(fact.address == "127.0.0.1" && !fact.isTLS)
            #expect((before * 1_000...gateway.gateway.wallSeconds * 1_000 + 1_000).contains(fact.since))
        }
        _ = try await act(.disconnect(retryAfterMilliseconds: 0), on: "ann", gateway)
        _ = try ann.closeCode()
        while await gateway.gateway.facts(of: page.connections.map(\.handle)).count > 1 { await Task.yield() }
        #expect(await gateway.gateway.facts(of: []).isEmpty)
        withExtendedLifetime(bob) {}
        await gateway.stop()
    }

    // REQ-AUTH-6
    @Test(arguments: [false, true]) func `a revoked session is closed with the code that forbids to come back, and its ticket is refused`(
        isRestarted: Bool
    ) async throws {
        let gateway = try await TestGateway()
        let (phone, welcome) = try await gateway.connect("ann")
        let ticket = try #require(phone.ticket)
        let result = try await act(.revokeSession(welcome.session), on: "ann", gateway)
        #expect(result == ActResult(outcome: .done, sessionsEnded: 1, connectionsClosed: 1))
        #expect(try phone.closeCode() == .revoked)
        if isRestarted { try await gateway.restart() }
        let again = try RawClient(port: gateway.port)
        let state = PresentedState(
            session: welcome.session, attach: welcome.attach, position: welcome.cursor, lastSequence: welcome.lastSequence)
        try again.send { ClientFrameWriter.resume(ticket: ticket.span, state: state, to: &$0) }
        #expect(try again.closeCode() == .revoked)
        let (_, fresh) = try await gateway.connect("ann", state: state)
        #expect(fresh.outcome == .begunEnded)
        await gateway.stop()
    }

    // REQ-AUTH-7
    @Test func `a valid token doesn't bring a blocked user back, before and after a restart`() async throws {
        let gateway = try await TestGateway()
        let (phone, _) = try await gateway.connect("ann")
        let block = Act.block(until: 0, reason: Array("spam".utf8))
        #expect(try await act(block, on: "ann", gateway).connectionsClosed == 1)
        #expect(try phone.closeCode() == .blocked)
        for _ in 0..<2 {
            #expect(try gateway.hello(token: try await gateway.token("ann")).closeCode() == .blocked)
            try await gateway.restart()
        }
        #expect(try await act(.unblock, on: "ann", gateway).outcome == .done)
        let (_, welcome) = try await gateway.connect("ann")
        #expect(welcome.outcome == .resumed)
        #expect(try await audit(gateway).map(\.act) == [block, .unblock])
        await gateway.stop()
    }

    @Test func `each act is a line of the file, once, wherever the file is by then`() async throws {
        let gateway = try await TestGateway { $0.auditFile = "DATA/audit.log" }
        let path = gateway.data + "/data/audit.log"
        let (_, welcome) = try await gateway.connect("ann")
        _ = try await act(.disconnectSession(welcome.session, retryAfterMilliseconds: 5), gateway)
        try await gateway.restart()
        #expect(try lines(path).count == 1)
        // A line that a crash has cut is followed by whole ones.
        let handle = try #require(FileHandle(forWritingAtPath: path))
        try handle.seekToEnd()
        try handle.write(contentsOf: Data("{\"position\":\"9999".utf8))
        try handle.close()
        try await gateway.restart()
        _ = try await act(.block(until: .max, reason: Array("a \"b\"\n\u{7}".utf8)), on: "eve", gateway)
        await gateway.stop()
        let all = try lines(path)
        #expect(all.count == 3)
        let objects = try [all[0], all[2]].map { try #require(JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]) }
        #expect(objects[0]["act"] as? String == "disconnectSession" && objects[0]["user"] as? String == "ann")
        #expect(objects[0]["session"] as? String == "\(welcome.session.rawValue)" && objects[0]["retryAfterMilliseconds"] as? Int == 5)
        #expect(objects[0]["uid"] as? Int == 0 && objects[0]["pid"] as? Int == 7 && objects[0]["requestID"] as? String == "r-1")
        #expect(objects[0]["connectionsClosed"] as? Int == 1 && objects[0]["outcome"] as? String == "done")
        #expect(objects[1]["reason"] as? String == "a \"b\"\n\u{7}" && objects[1]["until"] as? String == "2106-02-07T06:28:15.000Z")
        #expect((objects[1]["time"] as? String)?.hasSuffix("Z") == true && objects[1]["position"] is String)
        let mode = try #require(FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
        #expect(mode == 0o600)
    }

    @Test func `a file that was moved away is made anew when the gateway is told`() async throws {
        let gateway = try await TestGateway()
        let path = gateway.data + "/data/audit.log"
        _ = try await act(.unblock, on: "ann", gateway)
        try FileManager.default.moveItem(atPath: path, toPath: path + ".1")
        gateway.gateway.reloadCertificate()
        _ = try await act(.unblock, on: "bob", gateway)
        await gateway.stop()
        #expect(try lines(path + ".1").count + lines(path).count == 2)
        #expect(try lines(path).contains { $0.contains("\"user\":\"bob\"") })
    }

    @Test func `a path that is no file is a start error that names the key, and none is no file`() async throws {
        let error = await #expect(throws: GatewayError.self) { _ = try await TestGateway { $0.auditFile = "/" } }
        #expect(error?.description.contains("auditFile") == true && error?.exitCode == GatewayError.fileExitCode)
        let gateway = try await TestGateway { $0.auditFile = "" }
        _ = try await act(.unblock, on: "ann", gateway)
        await gateway.stop()
        #expect(!FileManager.default.fileExists(atPath: gateway.data + "/data/audit.log"))
    }

    @Test func `what an act may say has limits`() async throws {
        let gateway = try await TestGateway()
        let port = try #require(gateway.gateway.port)
        let long = [UInt8](repeating: 97, count: 256)
        let acts: [(Act, [UInt8], Actor, [UInt8])] = [
            (.unblock, [], .token([]), []), (.unblock, long, .token([]), []), (.revokeDevice([]), [97], .token([]), []),
            (.revokeDevice(long), [97], .token([]), []), (.block(until: 0, reason: long), [97], .token([]), []),
            (.unblock, [97], .token(long), []), (.unblock, [97], .token([]), long),
            (.revokeSession(SessionID(rawValue: 1)), long, .token([]), []),
        ]
        for (act, user, actor, requestID) in acts {
            let error = await #expect(throws: PortError.self) { try await port.act(act, on: user, by: actor, requestID: requestID) }
            guard case .invalid? = error else { return #expect(error == nil) }
        }
        await #expect(throws: PortError.self) { try await port.audit(limit: 0) }
        #expect(try await audit(gateway).isEmpty)
        await gateway.stop()
    }
}
