import HoldfastWire

// What trimming goes by: holds, and the ages of records.
extension Examination {
    mutating func examineHolds() throws(StorageError) {
        try snapshot.rows(.holds) { (key, value) throws(StorageError) in
            guard let (name, hold) = Holds.decode(key.span, value.span) else {
                find(
                    .rowDamaged, "holds", row: Self.hexadecimal(key), "not a hold", effect: "the gateway doesn't start")
                plan.losses.append(
                    Loss(
                        kind: .unknownRecord, position: nil, from: nil, to: [], time: nil, count: 1,
                        text: "a hold on the journal: what it kept is trimmed, and who had it has to set it again"))
                return plan.delete(.holds, key)
            }
            guard hold.floor >= nextPosition else { return }
            find(
                .rowWrong, "holds", position: hold.floor, row: "\(name)", "its floor is behind the end of the journal",
                effect: "records that come would not be held")
            var value: [UInt8] = []
            Hold(floor: Position(rawValue: nextPosition.rawValue - 1), ageMax: hold.ageMax, bytesMax: hold.bytesMax).encode(into: &value)
            plan.put(.holds, key, value)
        }
    }

    /// Without a point messages expire later, and limits of holds are reached later.
    mutating func examineAges() throws(StorageError) {
        var last: JournalAges.Point?
        try snapshot.rows(.ages) { (key, value) throws(StorageError) in
            let point = JournalAges.Point(key.span, value.span)
            let rises = point.map { point in
                last.map { $0.position < point.position && $0.age <= point.age && $0.bytes <= point.bytes } ?? (point.position > .zero)
            }
            if let point, rises == true, point.position < nextPosition { return last = point }
            find(
                point == nil ? .rowDamaged : .rowWrong, "ages", position: point?.position, row: Self.hexadecimal(key),
                point == nil ? "not the age of a position" : "ages, or bytes, don't rise to it", effect: "the gateway doesn't start")
            plan.delete(.ages, key)
        }
    }
}
