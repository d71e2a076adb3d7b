/// The low 40 bits of a position (SPEC 2.4); the full one is found from another that both sides know.
@usableFromInline package struct ShortPosition: RawRepresentable, Hashable, Sendable {
    /// As it is on the wire.
    @usableFromInline package let rawValue: UInt64
    /// Takes the low 40 bits.
    @inlinable package init(rawValue: UInt64) { self.rawValue = rawValue & 0xFF_FFFF_FFFF }
    /// The short form.
    @inlinable package init(_ position: Position) { self.init(rawValue: position.rawValue) }
    /// The smallest position at or above `floor` with these low bits.
    @inlinable package func expanded(from floor: Position) -> Position {
        Position(rawValue: floor.rawValue &+ ((rawValue &- floor.rawValue) & 0xFF_FFFF_FFFF))
    }
    /// The greatest position at or below `ceiling` with these low bits, or nil when there is none.
    @inlinable package func expanded(upTo ceiling: Position) -> Position? {
        let back = (ceiling.rawValue &- rawValue) & 0xFF_FFFF_FFFF
        return back > ceiling.rawValue ? nil : Position(rawValue: ceiling.rawValue &- back)
    }
}

/// The low 8 bits of a sequence (SPEC 2.4): at most 127 are in flight, so the nearest one is meant.
@usableFromInline package struct ShortSequence: RawRepresentable, Hashable, Sendable {
    /// As it is on the wire.
    @usableFromInline package let rawValue: UInt8
    /// Takes the number as it is.
    @inlinable package init(rawValue: UInt8) { self.rawValue = rawValue }
    /// The short form.
    @inlinable package init(_ sequence: MessageSequence) { rawValue = UInt8(truncatingIfNeeded: sequence.rawValue) }
    /// The sequence with these low bits in `near - 128 ... near + 127`; never below 0.
    @inlinable package func expanded(near: MessageSequence) -> MessageSequence {
        let delta = Int64(Int8(truncatingIfNeeded: Int(rawValue) &- Int(truncatingIfNeeded: near.rawValue & 0xFF)))
        let full = Int64(bitPattern: near.rawValue) &+ delta
        return MessageSequence(rawValue: full < 0 ? UInt64(bitPattern: full &+ 256) : UInt64(bitPattern: full))
    }
}
