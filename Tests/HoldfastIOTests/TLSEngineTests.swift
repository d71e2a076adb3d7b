import HoldfastTestSupport
import Testing

@testable import HoldfastIO

/// Engines back to back, without a socket.
@Suite struct TLSEngineTests {
    /// One side: an engine with a transit and what came out of it.
    @safe private final class Side {
        let transit: UnsafeMutablePointer<TLSTransit>
        let engine: TLSEngine
        var isUp = false

        init(_ ssl: OpaquePointer?) throws {
            unsafe transit = .allocate(capacity: 1)
            unsafe transit.initialize(to: TLSTransit())
            let ssl = unsafe try #require(unsafe ssl)
            engine = try #require(unsafe TLSEngine(ssl: ssl, transit: transit))
        }

        deinit {
            engine.free()
            unsafe transit.pointee.deallocate()
            unsafe transit.deallocate()
        }

        func takeOutgoing() -> [UInt8] {
            let count = unsafe transit.pointee.outgoingCount
            let bytes = unsafe Array(UnsafeBufferPointer(start: transit.pointee.outgoing, count: count))
            unsafe transit.pointee.removeOutgoing()
            return bytes
        }

        /// Handles ciphertext as the loop does, and returns the plaintext.
        func feed(_ bytes: [UInt8]) -> [UInt8] {
            unsafe bytes.withUnsafeBufferPointer { input in
                if let base = input.baseAddress { unsafe transit.pointee.feed(base, count: input.count) }
                if !isUp {
                    guard case .done = unsafe engine.handshake(recordsMax: 100, transit: transit) else { return [] }
                    isUp = true
                    if unsafe transit.pointee.incomingCount == 0 { return [] }
                }
                let capacity = input.count + 32 * 1024
                let plaintext = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
                defer { unsafe plaintext.deallocate() }
                let reading = unsafe engine.read(into: plaintext, capacity: capacity, emptyRecordsMax: 100, transit: transit)
                #expect(!reading.failed && !reading.ended && !reading.isFlooded)
                return unsafe Array(UnsafeBufferPointer(start: plaintext, count: reading.count))
            }
        }

        func write(_ bytes: [UInt8]) throws {
            var done = 0
            while done < bytes.count {
                done += try #require(
                    unsafe bytes.withUnsafeBufferPointer {
                        unsafe $0.baseAddress.flatMap { base in unsafe engine.write(base + done, count: bytes.count - done) }
                    })
            }
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `ciphertext may be split anywhere`(_ seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let fixture = try TLSFixture()
        let (serverContext, clientContext) = (try fixture.server(), try fixture.client())
        let client = unsafe try Side(unsafe clientContext.makeSession(TLSClientOptions(context: clientContext, serverName: "localhost")))
        let server = unsafe try Side(unsafe serverContext.makeSession())
        var received: [UInt8] = []
        func pump(_ from: Side, _ to: Side) {
            let bytes = from.takeOutgoing()
            var done = 0
            while done < bytes.count {
                let count = min(bytes.count - done, Int.random(in: 1...(Bool.random(using: &random) ? 7 : 5000), using: &random))
                received += to.feed(Array(bytes[done..<done + count]))
                done += count
            }
        }
        _ = client.feed([])
        while !client.isUp || !server.isUp {
            pump(client, server)
            pump(server, client)
        }
        for _ in 0..<20 {
            let message = (0..<Int.random(in: 1...30_000, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
            let (from, to) = Bool.random(using: &random) ? (client, server) : (server, client)
            received = []
            try from.write(message)
            pump(from, to)
            #expect(received == message, "seed \(seed)")
            #expect(unsafe to.transit.pointee.incomingCount == 0)
        }
    }
}
