import Testing

@testable import HoldfastControl

@Suite struct ControlServerTests {
    @Test func `a server has a router`() { _ = ControlServer() }
}
