package import HoldfastCore

/// The effects of a batch, grouped by connection, each group in its order.
///
/// The core says things in the order in which they happened: a message here, the next one there. A connection's own run of them
/// gives longer `DELIVER` frames and one write, so they are put together first: one pass, no sorting, no allocation once the
/// arrays have grown.
package struct EffectGroups: Sendable {
    private static let none: Int32 = -1
    /// The effect after each effect for the same connection.
    private var next: ContiguousArray<Int32> = []
    /// For each slot of the loop: its last effect so far; `none` between two batches.
    private var lastBySlot: ContiguousArray<Int32> = []
    /// The first effect of each connection, in order.
    private var firsts: ContiguousArray<Int32> = []
    /// The group that is being read.
    package private(set) var group: ContiguousArray<Int32> = []

    package init() {}

    /// How many connections the batch has something for.
    package var count: Int { firsts.count }

    /// Takes in a batch. Effects whose connections never were (slots beyond `slotCount`) are left out.
    package mutating func load(_ effects: ContiguousArray<Effect>, slotCount: Int) {
        if lastBySlot.count < slotCount {
            lastBySlot.append(contentsOf: repeatElement(Self.none, count: slotCount - lastBySlot.count))
        }
        firsts.removeAll(keepingCapacity: true)
        next.removeAll(keepingCapacity: true)
        for index in effects.indices {
            next.append(Self.none)
            let slot = Int(effects[index].connection.slot)
            guard slot < slotCount else { continue }
            if lastBySlot[slot] == Self.none {
                firsts.append(Int32(index))
            } else {
                next[Int(lastBySlot[slot])] = Int32(index)
            }
            lastBySlot[slot] = Int32(index)
        }
        for first in firsts { lastBySlot[Int(effects[Int(first)].connection.slot)] = Self.none }
    }

    /// Makes `group` the effects of the connection at `index`.
    package mutating func select(_ index: Int) {
        group.removeAll(keepingCapacity: true)
        var effect = firsts[index]
        while effect != Self.none {
            group.append(effect)
            effect = next[Int(effect)]
        }
    }
}
