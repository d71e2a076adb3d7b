/// Arrays that batches have been through, for the next ones: large ones would be mapped, and their pages made, anew for each batch.
struct SpareArrays {
    private static let buffersMax = 4
    /// Larger ones are of a peak.
    static let bytesMax = 4 << 20

    private var effects: ContiguousArray<ContiguousArray<Effect>>
    private var buffers: [[UInt8]] = []

    init(loops: Int) { effects = ContiguousArray(repeating: [], count: loops) }

    mutating func put(_ batch: consuming EffectBatch, loop: Int) {
        if batch.effects.capacity <= Self.bytesMax / MemoryLayout<Effect>.stride {
            batch.effects.removeAll(keepingCapacity: true)
            effects[loop] = batch.effects
        }
        // All loops have the same buffers: one of them brings them back. Another may still read one; then emptying it makes a new one.
        guard loop == 0 else { return }
        for source in batch.sources where buffers.count < Self.buffersMax && source.capacity <= Self.bytesMax { buffers.append(source) }
    }

    mutating func takeEffects(loop: Int) -> EffectBatch {
        var batch = EffectBatch()
        swap(&batch.effects, &effects[loop])
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
