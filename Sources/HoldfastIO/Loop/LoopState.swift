internal import CLinux
internal import Glibc

/// Everything a loop changes while it runs. It lies behind a pointer, so that a delegate may call the loop from inside a call
/// of the loop without the checks (and the traps) that a class's stored properties bring.
@safe struct LoopState: ~Copyable {
    let epoll: Int32
    let wakeDescriptor: Int32
    /// A descriptor in reserve, for when there are no others; -1 if it is in use.
    var reserve: Int32
    var slab: ConnectionSlab
    var wheel: TimerWheel
    var arena: OutputArena
    /// Plaintext of the read at hand: what was kept, then what is new.
    let readBuffer: UnsafeMutablePointer<UInt8>
    /// Ciphertext of the read at hand.
    let cipherBuffer: UnsafeMutablePointer<UInt8>
    let transit: UnsafeMutablePointer<TLSTransit>
    /// The size of the read buffer.
    let readCapacity: Int
    // Slots, arena and read buffers in one piece of address space, which costs nothing before it is touched.
    private let region: UnsafeMutableRawPointer
    private let regionSize: Int
    private let clock: @Sendable () -> UInt64
    /// Monotonic milliseconds.
    private(set) var now: UInt64
    /// The wheel's tick now.
    private(set) var tick: UInt32 = 0
    /// Where tick 0 of the wheel is.
    let origin: UInt64
    var nextTicked: UInt64
    var firstClosing = ConnectionSlab.none
    var firstResumed = ConnectionSlab.none
    /// How often the loop has looked for events.
    var iteration: UInt64 = 0
    /// Handshake steps done in this iteration.
    var handshakeSteps = 0
    /// Handshakes that go on in later iterations.
    var handshakeQueue = HandshakeQueue()
    /// Where the next search for a silent connection begins.
    var reclaimCursor: UInt32 = 0
    /// The buffers' pages are to be given back at the end of the iteration.
    var givesMemoryBack = false
    /// Listeners don't accept before this time, because there are no descriptors at all.
    var acceptsAgainAt: UInt64 = 0
    var statistics = EventLoopStatistics()
    /// The thread that runs the loop, 0 before.
    var thread: pthread_t = 0

    /// Plaintext that a partly received TLS record may add to what one read brings.
    private static let recordSlack = 32 * 1024

    /// Takes the descriptors and the buffers.
    init(_ configuration: EventLoopConfiguration) throws(IOError) {
        let slotBytes = configuration.connectionCountMax * MemoryLayout<Connection>.stride
        readCapacity = configuration.keptBytesMax + configuration.readBytesMax + Self.recordSlack
        let sizes = [slotBytes, OutputArena.byteCapacity, readCapacity, configuration.readBytesMax].map { ($0 + 4095) / 4096 * 4096 }
        regionSize = sizes.reduce(0, +)
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        let region = unsafe mmap(nil, regionSize, PROT_READ | PROT_WRITE, flags, -1, 0)
        guard let region = unsafe region, unsafe region != MAP_FAILED else {
            throw IOError("reserve \(regionSize) bytes of address space", errno: errno)
        }
        let epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        let wakeDescriptor = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
        let reserve = Self.openReserve()
        guard epoll >= 0, wakeDescriptor >= 0 else {
            let code = errno
            for descriptor in [epoll, wakeDescriptor, reserve] where descriptor >= 0 { close(descriptor) }
            unsafe munmap(region, regionSize)
            throw IOError("create an epoll and an eventfd", errno: code)
        }
        unsafe self.region = unsafe region
        (self.epoll, self.wakeDescriptor, self.reserve) = (epoll, wakeDescriptor, reserve)
        let slots = unsafe region.bindMemory(to: Connection.self, capacity: configuration.connectionCountMax)
        slab = unsafe ConnectionSlab(slots: slots, capacity: configuration.connectionCountMax)
        wheel = unsafe TimerWheel(slots: slots)
        let buffers = unsafe (region + sizes[0]).bindMemory(to: UInt8.self, capacity: regionSize - sizes[0])
        arena = unsafe OutputArena(bytes: buffers)
        unsafe readBuffer = unsafe buffers + sizes[1]
        unsafe cipherBuffer = unsafe buffers + sizes[1] + sizes[2]
        unsafe transit = .allocate(capacity: 1)
        unsafe transit.initialize(to: TLSTransit())
        clock = configuration.clock
        now = clock()
        origin = now
        nextTicked = now + 100
    }

    deinit {
        for descriptor in [epoll, wakeDescriptor, reserve] where descriptor >= 0 { close(descriptor) }
        unsafe transit.pointee.deallocate()
        unsafe transit.deallocate()
        unsafe munmap(region, regionSize)
    }

    /// Gives the system the pages of the buffers, which hold nothing between two iterations.
    mutating func giveMemoryBack() {
        givesMemoryBack = false
        let start = unsafe UnsafeMutableRawPointer(arena.bytes)
        unsafe madvise(start, regionSize - (start - region), MADV_DONTNEED)
    }

    /// Reads the clock.
    mutating func advanceClock() {
        now = clock()
        tick = UInt32(truncatingIfNeeded: (now - origin) / TimerWheel.tickMilliseconds)
    }

    /// Opens the reserve descriptor, -1 if there is none left.
    static func openReserve() -> Int32 { unsafe open("/dev/null", O_RDONLY | O_CLOEXEC) }
}
