import Testing

@testable import holdfast_load

/// The content that is checked at the receiver.
@Suite struct MessageBodyTests {
    private let body = MessageBody(run: 0xDEAD_BEEF, stream: 17, number: 1 << 40, sentAt: .max)

    @Test(arguments: [28, 29, 100, 60_000]) func `comes back as it was sent`(byteCount: Int) {
        let bytes = body.encoded(byteCount: byteCount)
        #expect(bytes.count == byteCount)
        #expect(MessageBody.decode(bytes.span) == body)
    }

    @Test func `every damaged byte is noticed`() {
        let bytes = body.encoded(byteCount: 100)
        for index in bytes.indices {
            var damaged = bytes
            damaged[index] ^= 0x10
            #expect(MessageBody.decode(damaged.span) == nil)
        }
    }

    @Test func `a cut body is noticed`() {
        let bytes = body.encoded(byteCount: 100)
        for count in 0..<100 { #expect(MessageBody.decode(bytes.span.extracting(0..<count)) == nil) }
    }
}
