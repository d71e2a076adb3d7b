import HoldfastCore
import HoldfastIO
import Testing

@Suite struct AdmissionTests {
    @Test func `one address has its limit, another is not touched by it`() throws {
        var admission = Admission(connectionsMax: 100, connectionsPerAddressMax: 2)
        let carrier = try SocketAddress(parsing: "192.0.2.1:1").limitKey.bits
        let other = try SocketAddress(parsing: "192.0.2.2:1").limitKey.bits
        #expect(admission.admit(carrier) == nil)
        #expect(admission.admit(carrier) == nil)
        #expect(admission.admit(carrier) == .tooManyConnections)
        #expect(admission.admit(other) == nil)
        admission.release(carrier)
        #expect(admission.admit(carrier) == nil)
        #expect(admission.connectionCount == 3)
    }

    @Test func `an IPv6 64 counts as one, whatever the rest`() throws {
        var admission = Admission(connectionsMax: 100, connectionsPerAddressMax: 1)
        #expect(admission.admit(try SocketAddress(parsing: "[2001:db8:1:2::1]:1").limitKey.bits) == nil)
        #expect(admission.admit(try SocketAddress(parsing: "[2001:db8:1:2:ffff::9]:7").limitKey.bits) == .tooManyConnections)
        #expect(admission.admit(try SocketAddress(parsing: "[2001:db8:1:3::1]:1").limitKey.bits) == nil)
        #expect(admission.admit(try SocketAddress(parsing: "192.0.2.1:1").limitKey.bits) == nil)
        #expect(admission.admit(try SocketAddress(parsing: "[::ffff:192.0.2.1]:1").limitKey.bits) == .tooManyConnections)
    }

    @Test func `a full gateway takes nobody, and forgets who has gone`() {
        var admission = Admission(connectionsMax: 2, connectionsPerAddressMax: 10)
        #expect(admission.admit(1) == nil)
        #expect(admission.admit(2) == nil)
        #expect(admission.admit(3) == .gatewayFull)
        admission.release(1)
        #expect(admission.admit(3) == nil)
        admission.release(2)
        admission.release(3)
        #expect(admission.connectionCount == 0)
        #expect(admission.addressCount == 0)
    }
}
