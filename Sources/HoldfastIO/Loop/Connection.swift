internal import CLinux

/// The slot of one connection: plain memory, no reference counts. All that an idle connection costs us.
@safe struct Connection {
    /// Where a connection is in its life.
    enum State: UInt8 {
        /// Not in use.
        case free
        /// Accepted from a proxy: its header is read first.
        case proxyHeader
        /// `connect` was called, the kernel hasn't answered yet.
        case connecting
        /// The TLS handshake goes on.
        case handshaking
        /// Reported by `opened`.
        case open
        /// To be closed, as soon as the output is written if `.flushes` is set. The delegate's calls are ignored from here on.
        case closing
        /// All output is written and our side ended; waits for the peer's end, so that what was sent isn't lost by a reset.
        case draining
    }

    /// Yes or no properties.
    struct Flags: OptionSet {
        let rawValue: UInt16
        /// `opened` was called, so `closed` must be.
        static let opened = Flags(rawValue: 1 << 0)
        /// Made by `connect`.
        static let outgoing = Flags(rawValue: 1 << 1)
        /// Speaks TLS, or will.
        static let tls = Flags(rawValue: 1 << 2)
        /// `pauseReading` was called.
        static let paused = Flags(rawValue: 1 << 3)
        /// epoll reports when the socket can be written.
        static let awaitsWritable = Flags(rawValue: 1 << 4)
        /// `.closing` waits for the output.
        static let flushes = Flags(rawValue: 1 << 5)
        /// To be ended by a reset.
        static let resets = Flags(rawValue: 1 << 6)
        /// The peer ended its side.
        static let peerEnded = Flags(rawValue: 1 << 7)
        /// In the list of connections to be closed at the end of the iteration.
        static let inClosingList = Flags(rawValue: 1 << 8)
        /// In the list of connections whose kept bytes are shown at the start of the next iteration.
        static let inResumedList = Flags(rawValue: 1 << 9)
        /// The handshake's deadline was put off, because input of the peer waited for the loop.
        static let isExtended = Flags(rawValue: 1 << 10)
        /// Accepted, and its first bytes weren't looked at yet.
        static let isFresh = Flags(rawValue: 1 << 11)
    }

    /// The socket.
    var descriptor: Int32
    /// Counts the lives of the slot; see `ConnectionID`.
    var generation: UInt32
    var state: State
    /// Why it closes.
    var reason: DisconnectReason
    var flags: Flags
    /// The wheel's tick of the delegate's deadline, or of the handshake's, connect's or flush's; `TimerWheel.never` if none.
    var deadline: UInt32
    var timer: TimerLinks
    /// The next connection in the closing or the resumed list, or in the slab's free list.
    var next: UInt32
    /// The segment in the output arena that holds what was sent in this iteration; `OutputArena.noSegment` if nothing was.
    var segment: UInt16
    /// What the peer made the loop do in vain.
    var overhead: ReceiveOverhead
    /// The wheel's tick when bytes last came in.
    var lastTraffic: UInt32
    /// Bytes (encrypted, with TLS) that the kernel didn't take, if any.
    var output: ByteBlock?
    var tls: TLSEngine?
    // What is needed until the connection is up, and then received bytes that the delegate left: no connection has both.
    private var memory: UnsafeMutableRawPointer?

    /// A slot of a new connection.
    init(descriptor: Int32, generation: UInt32, state: State, flags: Flags, tick: UInt32) {
        self.descriptor = descriptor
        self.generation = generation
        self.state = state
        reason = .requested
        self.flags = flags
        deadline = TimerWheel.never
        timer = TimerLinks()
        next = ConnectionSlab.none
        segment = OutputArena.noSegment
        overhead = ReceiveOverhead()
        lastTraffic = tick
        output = nil
        tls = nil
        unsafe memory = nil
    }

    /// Received bytes that the delegate left, if any; only of a connection that was opened.
    var kept: ByteBlock? {
        get { flags.contains(.opened) ? unsafe memory.map { unsafe ByteBlock($0) } : nil }
        set {
            assert(flags.contains(.opened), "a connection that isn't up keeps no bytes")
            unsafe memory = unsafe newValue?.address
        }
    }

    /// What is needed until the connection is up; only before it is opened.
    var pending: UnsafeMutablePointer<PendingConnection>? {
        get { flags.contains(.opened) ? nil : unsafe memory?.assumingMemoryBound(to: PendingConnection.self) }
        set {
            assert(!flags.contains(.opened), "nothing is pending for a connection that is up")
            unsafe memory = unsafe newValue.map { UnsafeMutableRawPointer($0) }
        }
    }

    /// The id of the slot's present life.
    func id(_ slot: UInt32) -> ConnectionID { ConnectionID(slot: slot, generation: generation) }
}

/// What a connection needs until it is up, and not afterwards.
struct PendingConnection {
    var peer: SocketAddress
    var listener: Int = -1
    var userData: UInt64 = 0
    /// Of a listener: whom the handshake was counted for, once it was.
    var handshakeKey: AddressKey?
    /// Of a listener: whose TLS it speaks.
    var serverContext: TLSServerContext?
    /// Of an outgoing connection.
    var clientOptions: TLSClientOptions?
    /// What has come of the PROXY header.
    var proxyBytes: [UInt8] = []
    /// Why an outgoing connection failed.
    var error: ConnectError?
}

/// A malloc'ed run of bytes that grows at its end and shrinks from its front, with room for two numbers about its progress.
/// Not freed by itself: whoever holds it frees it.
@safe struct ByteBlock {
    private struct Header {
        var capacity: UInt32
        var start: UInt32
        var count: UInt32
        var windowStart: UInt32
        var windowCount: UInt32
    }
    private var header: UnsafeMutablePointer<Header>
    private static var headerSize: Int { MemoryLayout<Header>.stride }

    /// A block with exactly these bytes.
    init(copying bytes: UnsafePointer<UInt8>, count: Int) {
        // malloc gives nil only when the address space is used up: there is no way on from there.
        guard let raw = unsafe malloc(Self.headerSize + count) else { preconditionFailure("out of memory") }
        unsafe header = raw.bindMemory(to: Header.self, capacity: 1)
        unsafe header.pointee = Header(capacity: UInt32(count), start: 0, count: UInt32(count), windowStart: 0, windowCount: 0)
        unsafe self.bytes.update(from: bytes, count: count)
    }

    /// The block at an address that `address` gave.
    init(_ address: UnsafeMutableRawPointer) { unsafe header = address.assumingMemoryBound(to: Header.self) }

    /// Where the block lies.
    var address: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(header) }

    /// The number of bytes.
    var count: Int { unsafe Int(header.pointee.count) }

    /// The first byte.
    var bytes: UnsafeMutablePointer<UInt8> {
        unsafe (UnsafeMutableRawPointer(header) + Self.headerSize + Int(header.pointee.start)).assumingMemoryBound(to: UInt8.self)
    }

    /// The tick when the present window of the stall check began, and the bytes that were written in it.
    var window: (start: UInt32, count: UInt32) {
        get { unsafe (header.pointee.windowStart, header.pointee.windowCount) }
        nonmutating set { unsafe (header.pointee.windowStart, header.pointee.windowCount) = newValue }
    }

    /// Adds bytes at the end; the block may move.
    mutating func append(_ added: UnsafePointer<UInt8>, count addedCount: Int) {
        let count = self.count
        if unsafe Int(header.pointee.start) + count + addedCount > Int(unsafe header.pointee.capacity) {
            compact()
            if count + addedCount > Int(unsafe header.pointee.capacity) { grow(to: max(2 * count, count + addedCount)) }
        }
        unsafe (bytes + count).update(from: added, count: addedCount)
        unsafe header.pointee.count += UInt32(addedCount)
    }

    /// Takes bytes away from the front.
    mutating func removeFirst(_ removed: Int) {
        unsafe header.pointee.start += UInt32(removed)
        unsafe header.pointee.count -= UInt32(removed)
    }

    /// Gives the memory back; the block must not be used afterwards.
    func free() { unsafe CLinux.free(header) }

    private mutating func compact() {
        let from = unsafe bytes
        unsafe header.pointee.start = 0
        unsafe memmove(bytes, from, count)
    }

    private mutating func grow(to capacity: Int) {
        guard let raw = unsafe realloc(header, Self.headerSize + capacity) else { preconditionFailure("out of memory") }
        unsafe header = raw.assumingMemoryBound(to: Header.self)
        unsafe header.pointee.capacity = UInt32(capacity)
    }
}
