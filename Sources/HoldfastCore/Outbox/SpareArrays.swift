/// Arrays that batches have been through, for the next ones: large ones would be mapped, and their pages made, anew for each batch.
struct SpareArrays {
    private static let buffersMax = 4
    /// Larger ones are of a peak.
    static let bytesMax = 4 << 20

    private var effects: ContiguousArray<ContiguousArray<Effect>>
    private var taken: ContiguousArray<ContiguousArray<TakenCommands>>
    private var buffers: [[UInt8]] = []

    init(doors: Int) {
        effects = ContiguousArray(repeating: [], count: doors)
        taken = ContiguousArray(repeating: [], count: doors)
    }

    mutating func put(_ batch: consuming EffectBatch, door: Int) {
        if batch.effects.capacity <= Self.bytesMax / MemoryLayout<Effect>.stride {
            batch.effects.removeAll(keepingCapacity: true)
            effects[door] = batch.effects
        }
        batch.taken.removeAll(keepingCapacity: true)
        taken[door] = batch.taken
        // All loops have the same buffers: one of them brings them back. Another may still read one; then emptying it makes a new one.
        guard door == 0 else { return }
        for source in batch.sources where buffers.count < Self.buffersMax && source.capacity <= Self.bytesMax { buffers.append(source) }
    }

    mutating func takeEffects(door: Int) -> EffectBatch {
        var batch = EffectBatch()
        swap(&batch.effects, &effects[door])
        swap(&batch.taken, &taken[door])
        return batch
    }

    /// An empty buffer; the oldest, which nobody reads any more. nil until there are enough.
    mutating func takeBuffer() -> [UInt8]? {
        guard buffers.count == Self.buffersMax else { return nil }
        var buffer = buffers.removeFirst()
        buffer.removeAll(keepingCapacity: true)
        return buffer
    }
}
