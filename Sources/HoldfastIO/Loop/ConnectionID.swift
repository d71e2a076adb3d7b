/// Names a connection of one event loop. A slot is used again by later connections; the generation tells them apart, so that
/// an id kept too long names nothing instead of somebody else.
package struct ConnectionID: Hashable, Sendable {
    /// The index of the connection's slot in its loop.
    package let slot: UInt32
    /// 24 bits, never 0.
    package let generation: UInt32

    /// Puts an id together, e.g. one that was stored as `rawValue`.
    @inlinable package init(slot: UInt32, generation: UInt32) {
        self.slot = slot
        self.generation = generation
    }

    /// The id as one number: slot in the low 32 bits, generation in the next 24; the top 8 bits are 0.
    @inlinable package var rawValue: UInt64 { UInt64(generation) << 32 | UInt64(slot) }

    /// The id with this `rawValue`; the top 8 bits are ignored.
    @inlinable package init(rawValue: UInt64) {
        slot = UInt32(truncatingIfNeeded: rawValue)
        generation = UInt32(truncatingIfNeeded: rawValue >> 32) & 0xFF_FFFF
    }
}
