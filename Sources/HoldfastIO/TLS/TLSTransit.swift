internal import COpenSSL

/// The ciphertext on its way in and out of TLS engines: one for all engines of a loop, since only one of them works at a time.
/// An idle engine has no buffer of its own this way.
@safe struct TLSTransit {
    /// What came from the socket and wasn't taken yet.
    private(set) var incoming: UnsafePointer<UInt8>?
    private(set) var incomingCount = 0
    /// What goes to the socket.
    private(set) var outgoing: UnsafeMutablePointer<UInt8>
    private(set) var outgoingCount = 0
    /// Records that the library may begin to read. When there are none left, it is told that nothing more has come.
    var recordsLeft = Int.max
    /// The library waits for the beginning of a record: all that it began are whole.
    private(set) var isBetweenRecords = true
    // What stands in front of a record. The library reads it by itself, as long as it isn't told to read ahead.
    private static let recordHeaderBytes = 5
    /// When this much has gathered it should be written out: any single call of the library fits behind it.
    static let outgoingThreshold = 64 * 1024
    private static let outgoingCapacity = 128 * 1024

    init() {
        // Big enough that malloc maps it by itself: it costs nothing until TLS is spoken.
        unsafe outgoing = .allocate(capacity: Self.outgoingCapacity)
    }

    /// Gives the buffer back; the transit must not be used afterwards.
    func deallocate() { unsafe outgoing.deallocate() }

    /// Shows ciphertext to the engine that works next.
    mutating func feed(_ bytes: UnsafePointer<UInt8>, count: Int) {
        unsafe incoming = bytes
        incomingCount = count
    }

    /// Forgets what was fed and not taken: it is of a connection that is done with it, and the next engine must not read it.
    mutating func forgetIncoming() {
        unsafe incoming = nil
        incomingCount = 0
    }

    /// Takes ciphertext, for the library.
    mutating func read(into target: UnsafeMutablePointer<UInt8>, count: Int) -> Int {
        if count == Self.recordHeaderBytes {
            isBetweenRecords = recordsLeft == 0 || incomingCount == 0
            if isBetweenRecords { return 0 }
            recordsLeft -= 1
        }
        guard let from = unsafe incoming else { return 0 }
        let taken = min(count, incomingCount)
        unsafe target.update(from: from, count: taken)
        unsafe incoming = from + taken
        incomingCount -= taken
        return taken
    }

    /// Adds ciphertext, for the library; false if there is no room.
    mutating func write(_ bytes: UnsafePointer<UInt8>, count: Int) -> Bool {
        guard outgoingCount + count <= Self.outgoingCapacity else { return false }
        unsafe (outgoing + outgoingCount).update(from: bytes, count: count)
        outgoingCount += count
        return true
    }

    /// Forgets the ciphertext that was written out.
    mutating func removeOutgoing() { outgoingCount = 0 }

    /// The library's view of a transit: a BIO method.
    /// Made once and never freed; nil only if there is no memory.
    nonisolated(unsafe) static let method: OpaquePointer? = {
        // The library's own types take the lower numbers; 0x400 says source and sink.
        guard let method = unsafe BIO_meth_new(BIO_get_new_index() | 0x0400, "loop transit") else { return nil }
        unsafe BIO_meth_set_read(method, readTransit)
        unsafe BIO_meth_set_write(method, writeTransit)
        unsafe BIO_meth_set_ctrl(method, controlTransit)
        return unsafe method
    }()
}

// The BIO's data is the loop's transit; it is set where the BIO is made.
private func transit(of bio: OpaquePointer?) -> UnsafeMutablePointer<TLSTransit>? {
    unsafe BIO_get_data(bio)?.assumingMemoryBound(to: TLSTransit.self)
}

private func readTransit(_ bio: OpaquePointer?, _ target: UnsafeMutablePointer<CChar>?, _ count: Int32) -> Int32 {
    unsafe BIO_clear_flags(bio, retryFlags)
    guard let transit = unsafe transit(of: bio), let target = unsafe target, count > 0 else { return -1 }
    let raw = unsafe UnsafeMutableRawPointer(target).assumingMemoryBound(to: UInt8.self)
    let taken = unsafe transit.pointee.read(into: raw, count: Int(count))
    if taken == 0 {
        unsafe BIO_set_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY)
        return -1
    }
    return Int32(taken)
}

private func writeTransit(_ bio: OpaquePointer?, _ bytes: UnsafePointer<CChar>?, _ count: Int32) -> Int32 {
    unsafe BIO_clear_flags(bio, retryFlags)
    guard let transit = unsafe transit(of: bio), let bytes = unsafe bytes, count > 0 else { return -1 }
    let raw = unsafe UnsafeRawPointer(bytes).assumingMemoryBound(to: UInt8.self)
    return unsafe transit.pointee.write(raw, count: Int(count)) ? count : -1
}

private func controlTransit(_ bio: OpaquePointer?, _ command: Int32, _ number: Int, _ pointer: UnsafeMutableRawPointer?) -> Int {
    // Flushing always succeeds: the loop writes out after each step. Nothing else is supported.
    command == BIO_CTRL_FLUSH ? 1 : 0
}

private let retryFlags = BIO_FLAGS_READ | BIO_FLAGS_WRITE | BIO_FLAGS_IO_SPECIAL | BIO_FLAGS_SHOULD_RETRY
