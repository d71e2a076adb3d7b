package import HoldfastCore
package import HoldfastWire

/// Where the connections of one event loop put their commands: the batch that goes to the core next, and the credits that bound
/// how many are under way. A loop without credits doesn't read its sockets; nothing else in the gateway ever waits.
package struct CommandIntake: Sendable {
    package var batch: CommandBatch
    /// Commands that may still be given to the core before it returns some.
    package private(set) var credits: Int
    /// Bytes of names and bodies that may.
    package private(set) var bytesLeft: Int
    /// Messages that were added, and bytes of their bodies; for metrics.
    package private(set) var messages: UInt64 = 0
    package private(set) var messageBytes: UInt64 = 0
    private let creditsMax: Int
    private let bytesMax: Int

    package init(loop: Int, credits: Int, bytes: Int) {
        batch = CommandBatch(door: loop)
        (self.credits, bytesLeft) = (credits, bytes)
        (creditsMax, bytesMax) = (credits, bytes)
    }

    /// Whether a command with `byteCount` bytes of text and body may be added.
    @inlinable package func hasRoom(for byteCount: Int) -> Bool { credits > 0 && bytesLeft >= byteCount }

    /// Adds a command whose bytes are already in the batch.
    ///
    /// It may overdraw the credits: `detach` must never wait, and there is one for each connection only.
    mutating func add(_ command: Command, byteCount: Int = 0) {
        assert(byteCount >= 0 && byteCount <= batch.bytes.count, "a command's bytes are in its batch")
        credits -= 1
        bytesLeft -= byteCount
        batch.commands.append(command)
    }

    /// Counts a message that is added.
    mutating func countMessage(_ bodyCount: Int) {
        messages &+= 1
        messageBytes &+= UInt64(bodyCount)
    }

    /// Copies `range` of `bytes` into the batch and returns where it lies there.
    mutating func copy(_ bytes: Span<UInt8>, _ range: ByteRange) -> ByteRange {
        let start = batch.bytes.count
        batch.bytes.append(copying: bytes.extracting(range))
        return start..<batch.bytes.count
    }

    /// Copies what a token says of whom its user may write to.
    mutating func copy(_ limit: RecipientLimit?) -> ByteRange? { limit.map { copy($0.encoded.span, 0..<$0.encoded.count) } }

    /// Gives back the room of past batches.
    mutating func giveMemoryBack() {
        if batch.commands.isEmpty { batch = CommandBatch(door: batch.door) }
    }

    /// Takes back what the core returned after it was done with commands.
    package mutating func returned(credits: Int, bytes: Int) {
        self.credits += credits
        bytesLeft += bytes
        assert(self.credits <= creditsMax && bytesLeft <= bytesMax, "no more comes back than was taken")
    }

    /// Says that a connection is gone.
    package mutating func detach(_ connection: ConnectionHandle, _ session: SessionID) {
        add(.detach(connection: connection, session: session))
    }

    /// The batch so far, nil when it is empty; the next one starts in the emptied arrays of `spare`.
    package mutating func takeBatch(spare: consuming CommandBatch) -> CommandBatch? {
        guard !batch.commands.isEmpty else { return nil }
        assert(spare.commands.isEmpty && spare.bytes.isEmpty && spare.door == batch.door, "the next batch is an empty one of this loop")
        let taken = batch
        batch = spare
        return taken
    }
}
