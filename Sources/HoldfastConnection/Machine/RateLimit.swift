/// Two token buckets, one for control frames and one for bytes, refilled by the time between two frames.
///
/// Messages and acknowledgements are not counted as frames: sends in flight and the deliveries bound them already, and a client
/// that is as fast as the disk does nothing wrong.
struct RateLimit: Equatable, Sendable {
    /// In thousandths of a frame, so that a refill after one millisecond isn't rounded away.
    private var frames: UInt32
    private var bytes: UInt32
    /// How often the client was made to wait since its bucket was half full.
    private var slowDowns: UInt8 = 0

    /// How long a client over a limit isn't read, and how often in a row before it is closed.
    static let slowDownMilliseconds: UInt32 = 1000
    private static let slowDownsMax: UInt8 = 10
    /// No configuration may give a bucket more than its counter can hold.
    static let framesBurstCeiling: UInt32 = 4_000_000

    init(_ limits: ConnectionLimits) {
        frames = min(limits.controlFramesBurst, Self.framesBurstCeiling) * 1000
        bytes = limits.bytesBurst
    }

    mutating func refill(milliseconds: UInt32, _ limits: ConnectionLimits) {
        let framesFull = UInt64(min(limits.controlFramesBurst, Self.framesBurstCeiling)) * 1000
        let elapsed = UInt64(milliseconds)
        frames = UInt32(min(framesFull, UInt64(frames) + elapsed * UInt64(limits.controlFramesPerSecond)))
        bytes = UInt32(min(UInt64(limits.bytesBurst), UInt64(bytes) + elapsed * UInt64(limits.bytesPerSecond) / 1000))
        if slowDowns > 0 && UInt64(frames) * 2 >= framesFull && bytes >= limits.bytesBurst / 2 { slowDowns = 0 }
    }

    /// Takes `count` control frames out; false when there are not as many.
    mutating func take(frames count: Int) -> Bool {
        precondition(count >= 0, "nothing is put back")
        guard count <= Int(frames) / 1000 else { return false }
        frames -= UInt32(count) * 1000
        return true
    }

    /// Takes `count` bytes out; false when there are not as many: then the bucket is empty.
    @discardableResult
    mutating func take(bytes count: Int) -> Bool {
        precondition(count >= 0, "nothing is put back")
        guard count <= Int(bytes) else {
            bytes = 0
            return false
        }
        bytes -= UInt32(count)
        return true
    }

    /// Whole control frames that may come now.
    var framesLeft: Int { Int(frames) / 1000 }

    /// The client is made to wait once more; false when it was often enough.
    mutating func countSlowDown() -> Bool {
        guard slowDowns < Self.slowDownsMax else { return false }
        slowDowns += 1
        return true
    }
}
