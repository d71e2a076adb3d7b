internal import CLinux

/// Where the output of an iteration is collected: one segment for each connection that was sent something, all in one buffer
/// that is empty again when the iteration ends. So a reply costs no allocation, and a connection one write.
@safe struct OutputArena: ~Copyable {
    /// What was sent to one connection.
    struct Segment {
        var slot: UInt32
        var offset: UInt32
        var count: UInt32
        var capacity: UInt32
    }

    /// No segment.
    static let noSegment = UInt16.max
    /// The slot of a segment whose connection is gone.
    static let none = UInt32.max
    /// The size of the buffer.
    static let byteCapacity = 256 * 1024
    private static let segmentCapacity = 4096
    private static let segmentBytesMin = 64

    /// The buffer.
    let bytes: UnsafeMutablePointer<UInt8>
    /// The segments, `segmentCount` of them.
    let segments: UnsafeMutablePointer<Segment>
    private(set) var segmentCount = 0
    private var used = 0

    /// An empty arena over `byteCapacity` bytes, which must outlive it.
    init(bytes: UnsafeMutablePointer<UInt8>) {
        unsafe self.bytes = bytes
        unsafe segments = .allocate(capacity: Self.segmentCapacity)
    }

    deinit { unsafe segments.deallocate() }

    /// Adds bytes to the segment of a connection.
    /// - Parameter segment: the connection's segment; set when it gets its first.
    /// - Returns: whether there was room. If not, nothing has changed, and the arena must be written out.
    @inline(__always)
    mutating func append(_ added: UnsafePointer<UInt8>, count: Int, slot: UInt32, segment: inout UInt16) -> Bool {
        if segment == Self.noSegment {
            guard segmentCount < Self.segmentCapacity else { return false }
            let capacity = max(count, Self.segmentBytesMin)
            guard used + capacity <= Self.byteCapacity else { return false }
            unsafe segments[segmentCount] = Segment(slot: slot, offset: UInt32(used), count: 0, capacity: UInt32(capacity))
            segment = UInt16(segmentCount)
            segmentCount += 1
            used += capacity
        } else if unsafe Int(segments[Int(segment)].count) + count > Int(segments[Int(segment)].capacity) {
            guard makeRoom(for: count, in: segment) else { return false }
        }
        let target = unsafe segments + Int(segment)
        unsafe memcpy(bytes + Int(target.pointee.offset + target.pointee.count), added, count)
        unsafe target.pointee.count += UInt32(count)
        return true
    }

    /// Forgets all segments.
    mutating func removeAll() {
        segmentCount = 0
        used = 0
    }

    private mutating func makeRoom(for count: Int, in segment: UInt16) -> Bool {
        let target = unsafe segments + Int(segment)
        let needed = unsafe Int(target.pointee.count) + count
        // The last one grows where it is, another moves to the end.
        let isLast = unsafe Int(target.pointee.offset + target.pointee.capacity) == used
        let offset = unsafe isLast ? Int(target.pointee.offset) : used
        let capacity = isLast ? needed : 2 * needed
        guard offset + capacity <= Self.byteCapacity else { return false }
        if !isLast {
            unsafe memcpy(bytes + offset, bytes + Int(target.pointee.offset), Int(target.pointee.count))
            unsafe target.pointee.offset = UInt32(offset)
        }
        unsafe target.pointee.capacity = UInt32(capacity)
        used = offset + capacity
        return true
    }
}
