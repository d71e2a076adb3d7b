package import HoldfastCore
internal import HoldfastWire

extension ConnectionMachine {
    /// Writes the deliveries that stand in a row in `group`, this connection's effects of the batch, from `index` on: neighbours of one
    /// conversation go into one `DELIVER`, as far as the frame limit allows.
    ///
    /// - Parameter bodyBytes: raised by what was written of bodies.
    /// - Returns: the index in `group` of the first effect that isn't such a delivery.
    package mutating func deliver(
        _ batch: EffectBatch, _ group: ContiguousArray<Int32>, from index: Int, limits: ConnectionLimits, out: inout [UInt8],
        bodyBytes: inout Int
    ) -> Int {
        var next = index
        while let first = delivery(batch, group, next) {
            let run = self.run(batch, group, from: next, first, limits)
            if isSpokenTo { bodyBytes += append(batch, group, run, first, out: &out) }
            next = run.upperBound
        }
        return next
    }

    private func delivery(_ batch: EffectBatch, _ group: ContiguousArray<Int32>, _ index: Int) -> Effect.Delivery? {
        // The slot may have had another connection before: its effects have another handle.
        guard index < group.count, case .deliver(handle, let delivery) = batch.effects[Int(group[index])] else { return nil }
        return delivery
    }

    /// How many deliveries fit into one frame with `first`: the same conversation, without anything of another between them.
    private func run(
        _ batch: EffectBatch, _ group: ContiguousArray<Int32>, from index: Int, _ first: Effect.Delivery, _ limits: ConnectionLimits
    ) -> Range<Int> {
        var last = first
        var end = index + 1
        var bytes = DeliverWriter.headBytesMax + DeliverWriter.entryOverheadBytesMax + Int(first.count)
        while let next = delivery(batch, group, end) {
            bytes += DeliverWriter.entryOverheadBytesMax + Int(next.count)
            guard
                next.conversation == first.conversation, next.predecessor == last.position, bytes <= limits.frames.frameBytesMax,
                next.position.rawValue &- last.position.rawValue <= DeliverWriter.positionStepMax
            else { break }
            last = next
            end += 1
        }
        return index..<end
    }

    /// - Returns: bytes of the bodies.
    private mutating func append(
        _ batch: EffectBatch, _ group: ContiguousArray<Int32>, _ run: Range<Int>, _ first: Effect.Delivery, out: inout [UInt8]
    ) -> Int {
        assert(!run.isEmpty && first.position > first.predecessor, "positions of a stream rise")
        var predecessor = first.predecessor
        if first.position.rawValue &- predecessor.rawValue > DeliverWriter.positionStepMax {
            // 40 bits can't say how far this step is; nothing lies between (REQ-DELIVER).
            let through = Position(rawValue: first.position.rawValue - 1)
            ServerFrameWriter.skip(predecessor: predecessor, through: through, to: &out)
            predecessor = through
        }
        var bodyBytes = 0
        for index in run { bodyBytes += Int(delivery(batch, group, index)?.count ?? 0) }
        var writer = DeliverWriter(
            predecessor: predecessor, first: first.position, conversation: first.conversation, timeOffset: offset(of: first.time),
            entries: run.count, bodyBytes: bodyBytes, to: &out)
        for index in run {
            guard let entry = delivery(batch, group, index) else { break }
            let start = Int(entry.offset)
            let source = batch.sources[Int(entry.source)]
            writer.entry(
                position: entry.position, timeOffset: offset(of: entry.time), kind: entry.kind, isOwn: entry.isOwn,
                isLast: index == run.upperBound - 1,
                body: source.span.extracting(start..<start + Int(entry.count)), to: &out)
            sent = max(sent, entry.position)
        }
        writer.end(to: &out)
        return bodyBytes
    }

    private func offset(of time: UInt64) -> Int64 { Int64(bitPattern: time &- serverTime) }
}
