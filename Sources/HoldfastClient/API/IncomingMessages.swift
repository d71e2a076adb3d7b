/// The stream: messages, and gaps in their place. For one reader at a time: a second one, while the first is still reading, stops the process with a
/// message. A reader ends when its iterator goes away or its task is cancelled; the next one goes on from there. A message that a reader took and
/// that was not acknowledged doesn't come again before the app is started anew.
///
/// With automatic acknowledgement an element is acknowledged when the reader asks for the next one; the last one taken stays
/// unacknowledged when the reader stops.
public struct IncomingMessages: AsyncSequence, Sendable {
    /// What comes.
    public typealias Element = Incoming
    let source: OneReader<Incoming>
    let acknowledge: (@Sendable (UInt64) -> Void)?

    /// Begins reading.
    public func makeAsyncIterator() -> Iterator { Iterator(claim: OneReader.Claim(source), acknowledge: acknowledge) }

    /// Reads the stream.
    public struct Iterator: AsyncIteratorProtocol {
        let claim: OneReader<Incoming>.Claim
        let acknowledge: (@Sendable (UInt64) -> Void)?
        var last: UInt64?

        /// The next element; nil after `close`, or when the task is cancelled.
        public mutating func next() async -> Incoming? {
            if let last { acknowledge?(last) }
            last = nil
            let element = await claim.next()
            last = element?.position
            return element
        }
    }
}
