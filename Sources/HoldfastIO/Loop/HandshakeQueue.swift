/// TLS handshakes whose next step has to wait for a later iteration, and how fast the loop gets through them.
///
/// Those that have begun go first: they hold memory, and their peers have done their part. But one step of four is for those that haven't, or
/// peers that send byte by byte would have all steps. Within each kind the order is that of arrival, so that in a storm nobody waits much longer
/// than the storm lasts. Only handshakes whose peer has sent something are in it: whoever is
/// silent costs no step and makes nobody else wait.
struct HandshakeQueue {
    private struct Line {
        var ids: ContiguousArray<ConnectionID> = []
        var head = 0

        var count: Int { ids.count - head }

        mutating func pop() -> ConnectionID? {
            guard head < ids.count else { return nil }
            let id = ids[head]
            head += 1
            if head == ids.count {
                self = Line()
            } else if head >= 4_096 && head > ids.count / 2 {
                ids.removeSubrange(..<head)
                head = 0
            }
            return id
        }
    }

    private var begun = Line()
    private var fresh = Line()
    /// Handshakes that are begun in a second, as seen while some waited all the time.
    private(set) var perSecond = Self.perSecondAtFirst
    private var intervalStart: UInt64 = 0
    private var begunInInterval = 0
    private var turns = 0
    private var wasBusy = false

    // What a slow processor does; more is learned within the first second of a storm.
    private static let perSecondAtFirst = 200.0
    private static let intervalMilliseconds: UInt64 = 250
    private static let turnsForFresh = 4

    /// Whether none waits.
    var isEmpty: Bool { begun.count + fresh.count == 0 }
    /// Handshakes that haven't begun.
    var freshCount: Int { fresh.count }

    /// Puts a handshake behind those of its kind.
    mutating func append(_ id: ConnectionID, isBegun: Bool) {
        if isBegun { begun.ids.append(id) } else { fresh.ids.append(id) }
    }

    /// Takes out the next one; it may have ended meanwhile.
    mutating func pop() -> ConnectionID? {
        turns &+= 1
        if turns % Self.turnsForFresh != 0, let id = begun.pop() { return id }
        if let id = fresh.pop() {
            begunInInterval += 1
            // From here on the loop has time to spare.
            if fresh.count == 0 { wasBusy = false }
            return id
        }
        return begun.pop()
    }

    /// Whether one more that begins now will have its turn within the time.
    func hasRoom(milliseconds: UInt32) -> Bool { Double(fresh.count) * 1000 <= perSecond * Double(milliseconds) }

    /// To be called in each iteration in which some wait.
    mutating func measure(now: UInt64) {
        if fresh.count == 0 { wasBusy = false }
        let elapsed = now - min(now, intervalStart)
        guard elapsed >= Self.intervalMilliseconds else { return }
        // An interval that began long ago had a pause in it.
        if wasBusy, elapsed <= 2 * Self.intervalMilliseconds {
            let seen = Double(begunInInterval) * 1000 / Double(elapsed)
            perSecond = max(1, perSecond + (seen - perSecond) / 2)
        }
        (intervalStart, begunInInterval, wasBusy) = (now, 0, fresh.count > 0)
    }
}
