/// What the app may have to act on, the last 256 of it for a reader that comes late. For one reader at a time, as `IncomingMessages` is.
public struct ClientNotices: AsyncSequence, Sendable {
    /// What comes.
    public typealias Element = ClientNotice
    let source: OneReader<ClientNotice>

    /// Begins reading.
    public func makeAsyncIterator() -> Iterator { Iterator(claim: OneReader.Claim(source)) }

    /// Reads the notices.
    public struct Iterator: AsyncIteratorProtocol {
        let claim: OneReader<ClientNotice>.Claim

        /// The next notice; nil after `close`, or when the task is cancelled.
        public mutating func next() async -> ClientNotice? { await claim.next() }
    }
}
