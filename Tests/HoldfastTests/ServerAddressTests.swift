import Testing

@testable import holdfast

@Suite struct ServerAddressTests {
    @Test(arguments: [
        ("127.0.0.1:7400", "127.0.0.1", UInt16(7400)), ("chat.example:443", "chat.example", 443), ("[::1]:7443", "::1", 7443),
    ])
    func `reads host and port`(text: String, host: String, port: UInt16) throws {
        let address = try ServerAddress(parsing: text, option: "--server")
        #expect(address.host == host)
        #expect(address.port == port)
    }

    @Test(arguments: ["", "host", ":1", "host:", "host:0", "host:65536", "host:-1", "host:+1", "::1:7400", "host:x", "[]:1"])
    func `names the option and the text of what is none`(text: String) {
        let error = #expect(throws: CommandFailure.self) { try ServerAddress(parsing: text, option: "--server") }
        #expect(error?.message.hasPrefix("--server: \"\(text)\"") == true)
        #expect(error?.exitCode == CommandFailure.usage)
    }
}
