import Foundation
import HoldfastGateway
import NIOCore
import NIOPosix
import TestTraits
import Testing

@testable import HoldfastControl

@Suite(.takesTurns, .timeLimit(.minutes(10))) struct ControlSocketTests {
    @Test func `the gateway's user does everything without a token`() async throws {
        let harness = try await ControlHarness()
        let path = try #require(harness.bound.socket)
        #expect(path == harness.folder + "/data/control.sock")
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
        let folder = try FileManager.default.attributesOfItem(atPath: harness.folder + "/data")
        #expect((folder[.posixPermissions] as? NSNumber)?.intValue == 0o700)
        let http = try await RawHTTP.connect(toSocket: path)
        try await http.send("GET /v1/configuration HTTP/1.1\r\n\r\n")
        let answer = try await http.answer()
        #expect(answer.status == 200)
        #expect(answer.headers["ratelimit"] == nil)
        await harness.stop()
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func `the socket of a dead process is replaced`() async throws {
        let folder = FileManager.default.temporaryDirectory.path + "/holdfast-test-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        let path = folder + "/control.sock"
        // NIO takes a socket away that it closes; under another name it doesn't find it.
        let dead = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton).bind(unixDomainSocketPath: folder + "/dead")
            .get()
        try FileManager.default.moveItem(atPath: folder + "/dead", toPath: path)
        try await dead.close()
        #expect(FileManager.default.fileExists(atPath: path))
        // A program that another test begins just now has the descriptor, too, until it is loaded.
        while try ControlSocket.isAlive(path) { await Task.yield() }
        let harness = try await ControlHarness { $0.controlSocket = path }
        let http = try await RawHTTP.connect(toSocket: path)
        try await http.send("GET /v1/build HTTP/1.1\r\nHost: whatever\r\n\r\n")
        #expect(try await http.answer().status == 200)
        await harness.stop()
    }

    @Test func `a socket that is served, a file, and a folder of others stop the start`() async throws {
        let folder = FileManager.default.temporaryDirectory.path + "/holdfast-test-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        let live = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton).bind(unixDomainSocketPath: folder + "/live")
            .get()
        try Data().write(to: URL(fileURLWithPath: folder + "/file"))
        let open = folder + "/open"
        try FileManager.default.createDirectory(atPath: open, withIntermediateDirectories: true)
        try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: open)
        for (path, reason) in [
            ("/live", "served by another process"), ("/file", "not a socket"), ("/open/s", "others may put"),
            ("/no/such/s", "can't be made"),
        ] {
            let error = await #expect(throws: (any Error).self) { try await ControlHarness { $0.controlSocket = folder + path } }
            let text = "\(try #require(error))"
            #expect(text.contains("controlSocket") && text.contains(reason), "\(text)")
        }
        try await live.close()
    }

    @Test func `an address that is too long stops the start, and none is none`() async throws {
        let error = await #expect(throws: (any Error).self) {
            try await ControlHarness { $0.controlSocket = "/" + String(repeating: "a", count: 107) }
        }
        #expect("\(try #require(error))".contains("controlSocket"))
        #expect(try await ControlHarness { $0.controlSocket = "" }.bound.socket == nil)
    }
}
