import Testing

@testable import HoldfastIO

@Suite struct SocketAddressTests {
    @Test(arguments: ["127.0.0.1:7400", "0.0.0.0:0", "255.255.255.255:65535", "[::1]:7443", "[2001:db8::1]:1", "[::]:0", "[fe80::1%lo]:7"])
    func `an address prints as it was parsed`(_ text: String) throws {
        #expect(try SocketAddress(parsing: text).description == text)
    }

    @Test(arguments: [
        "", ":", "1.2.3.4", "1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:-1", "1.2.3.4:+1", "1.2.3:1", "::1:80", "[::1]", "[1.2.3.4]:80",
        "[::1:80",
        "host:80", "[]:80", "1.2.3.4:8 0", "[fe80::1%]:80", "[fe80::1%no-such]:80", "[::1%lo]:80", "[%lo]:80",
        "1.2.3.4\u{0}.example.com:80",
    ])
    func `what isn't a numeric address with port is refused`(_ text: String) {
        #expect(throws: AddressError.self) { try SocketAddress(parsing: text) }
    }

    @Test func `a v4-mapped address is an IPv4 address`() throws {
        let mapped = try SocketAddress(parsing: "[::ffff:10.1.2.3]:5")
        #expect(mapped == (try SocketAddress(parsing: "10.1.2.3:5")))
        #expect(mapped.description == "10.1.2.3:5")
        #expect(mapped.isIPv4)
    }

    @Test func `the limit key is the IPv4 address or the IPv6 64`() throws {
        func key(_ text: String) throws -> AddressKey { try SocketAddress(parsing: text).limitKey }
        #expect(try key("10.0.0.1:1") == key("10.0.0.1:2"))
        #expect(try key("10.0.0.1:1") != key("10.0.0.2:1"))
        #expect(try key("10.0.0.1:1") == key("[::ffff:10.0.0.1]:1"))
        #expect(try key("[2001:db8:1:2:a::1]:1") == key("[2001:db8:1:2:b::2]:9"))
        #expect(try key("[2001:db8:1:2::1]:1") != key("[2001:db8:1:3::1]:1"))
        #expect(try key("[::1]:1") != key("0.0.0.1:1"))
    }

    @Test func `loopback and unspecified addresses are known`() throws {
        for text in ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1"] { #expect(try SocketAddress(parsing: text).isLoopback) }
        for text in ["128.0.0.1:1", "[::2]:1", "0.0.0.0:1"] { #expect(try !SocketAddress(parsing: text).isLoopback) }
        for text in ["0.0.0.0:1", "[::]:1"] { #expect(try SocketAddress(parsing: text).isUnspecified) }
        #expect(try !SocketAddress(parsing: "[::1]:1").isUnspecified)
    }

    @Test func `the kernel's form and back`() throws {
        for text in ["1.2.3.4:5", "[2001:db8::5]:6"] {
            let address = try SocketAddress(parsing: text)
            let back = unsafe address.withSockaddr { raw, _ in unsafe SocketAddress(raw) }
            #expect(back == address)
        }
    }

    @Test func `localhost resolves to loopback`() throws {
        let found = try SocketAddress.resolve("localhost:80")
        #expect(found.contains { $0.isLoopback && $0.port == 80 })
        #expect(try SocketAddress.resolve("[::1]:8") == [SocketAddress(parsing: "[::1]:8")])
        #expect(throws: AddressError.self) { try SocketAddress.resolve("no-such-host.invalid:80") }
    }

    @Test func `a range holds what shares its prefix`() throws {
        func contains(_ range: String, _ address: String) throws -> Bool {
            try AddressRange(parsing: range).contains(SocketAddress(parsing: address))
        }
        #expect(try contains("10.0.0.0/8", "10.255.1.2:1"))
        #expect(try !contains("10.0.0.0/8", "11.0.0.0:1"))
        #expect(try contains("10.0.0.0/8", "[::ffff:10.0.0.1]:1"))
        #expect(try contains("0.0.0.0/0", "255.1.1.1:1"))
        #expect(try !contains("0.0.0.0/0", "[::1]:1"))
        #expect(try contains("::/0", "[2001::1]:1"))
        #expect(try !contains("::/0", "1.2.3.4:1"))
        #expect(try contains("2001:db8::/33", "[2001:db8:7fff::1]:1"))
        #expect(try !contains("2001:db8::/33", "[2001:db8:8000::1]:1"))
        #expect(try contains("2001:db8::1:0/112", "[2001:db8::1:ffff]:1"))
        #expect(try !contains("2001:db8::1:0/112", "[2001:db8::2:0]:1"))
        #expect(try contains("192.168.1.7", "192.168.1.7:1"))
        #expect(try !contains("192.168.1.7", "192.168.1.6:1"))
    }

    @Test(arguments: [
        "", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0.0/+8", "10.0.0.1/8", "::1/129", "::1/64", "x/8", "10.0.0.0/8/8",
    ])
    func `what isn't a range is refused`(_ text: String) {
        #expect(throws: AddressError.self) { try AddressRange(parsing: text) }
    }
}
