import HoldfastTestSupport

/// What a relay does to the bytes that pass it. Pure: it says when, the relay does it.
struct RelayPolicy: Sendable {
    /// Each piece is as late as this, in milliseconds; another number each time, but never before the piece in front of it.
    var delayMilliseconds: ClosedRange<UInt64> = 0...0
    /// Of a thousand pieces, how many are lost and come after a repeat: everything behind waits, as it does in TCP.
    var lossPerThousand: UInt64 = 0
    var lossMilliseconds: ClosedRange<UInt64> = 200...1200
    /// Of a thousand pieces, with how many the connection is cut in the middle: the first half goes through.
    var cutsPerThousand: UInt64 = 0
    /// Nil: as fast as it goes.
    var bytesPerSecond: UInt64?
    /// Every byte is a write of its own.
    var isBytewise = false

    /// Bytes go through as they come.
    static let open = RelayPolicy()
    private static let throttledPieceBytes = 256

    /// One direction of a connection.
    struct Direction: Sendable {
        /// When the last piece is due; later ones aren't due before.
        var dueLast: UInt64 = 0
    }

    /// A piece and when it is due.
    struct Piece: Equatable, Sendable {
        var range: Range<Int>
        var due: UInt64
        /// The connection ends with it.
        var cuts = false
    }

    /// Divides what came at `now` into pieces.
    func pieces(
        of byteCount: Int, now: UInt64, _ direction: inout Direction, _ random: inout SeededRandom
    ) -> [Piece] {
        guard byteCount > 0 else { return [] }
        if cutsPerThousand > 0, UInt64.random(in: 0..<1000, using: &random) < cutsPerThousand {
            return [Piece(range: 0..<byteCount / 2, due: max(now, direction.dueLast), cuts: true)]
        }
        var due = max(direction.dueLast, now + UInt64.random(in: delayMilliseconds, using: &random))
        if lossPerThousand > 0, UInt64.random(in: 0..<1000, using: &random) < lossPerThousand {
            due = max(due, now + UInt64.random(in: lossMilliseconds, using: &random))
        }
        guard let bytesPerSecond else {
            direction.dueLast = due
            return [Piece(range: 0..<byteCount, due: due)]
        }
        var pieces: [Piece] = []
        for start in stride(from: 0, to: byteCount, by: Self.throttledPieceBytes) {
            let end = min(start + Self.throttledPieceBytes, byteCount)
            due += max(1, UInt64(end - start) * 1000 / bytesPerSecond)
            pieces.append(Piece(range: start..<end, due: due))
        }
        direction.dueLast = due
        return pieces
    }
}
