import HoldfastConnection
import Testing

@Suite struct AdmissionTests {
    @Test func `one address has its limit, another is not touched by it`() {
        var admission = Admission(connectionsMax: 100, connectionsPerAddressMax: 2)
        let (carrier, other): (UInt64, UInt64) = (1, 2)
        #expect(admission.admit(carrier) == nil)
        #expect(admission.admit(carrier) == nil)
        #expect(admission.admit(carrier) == .tooManyConnections)
        #expect(admission.admit(other) == nil)
        admission.release(carrier)
        #expect(admission.admit(carrier) == nil)
        #expect(admission.connectionCount == 3)
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
