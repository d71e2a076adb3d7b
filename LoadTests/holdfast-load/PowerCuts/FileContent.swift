import HoldfastTestSupport

/// A file's content as the program sees it, and what of it the disk has.
///
/// The system writes a file's changed sectors whenever it likes, in any order, and each in any of the versions that it had since the last
/// sync. The size is written on its own, but in the order of its changes.
struct FileContent {
    /// What a disk writes whole or not at all.
    static let sectorBytes = 512

    private struct Version {
        var place: Int
        var bytes: [UInt8]
        /// The file was cut off before this sector: what it held is gone for whoever sees the new size.
        var isCut = false
    }

    /// What the program sees.
    private(set) var current: [UInt8]
    private var durable: [UInt8]
    /// Sector -> versions since what is durable, the oldest first.
    private var versions: [Int: [Version]] = [:]
    /// Sizes since the durable one.
    private var sizes: [(place: Int, bytes: Int)] = []

    /// All of it is durable.
    init(durable: [UInt8] = []) {
        self.durable = durable
        current = durable
    }

    mutating func write(_ bytes: [UInt8], at offset: Int, place: Int) {
        guard !bytes.isEmpty else { return }
        let end = offset + bytes.count
        if end > current.count { resize(to: end, place: place) }
        current.replaceSubrange(offset..<end, with: bytes)
        for sector in offset / Self.sectorBytes...(end - 1) / Self.sectorBytes {
            versions[sector, default: []].append(Version(place: place, bytes: sectorBytes(sector)))
        }
    }

    mutating func resize(to bytes: Int, place: Int) {
        guard bytes != current.count else { return }
        sizes.append((place, bytes))
        let old = current.count
        if bytes > old { return current.append(contentsOf: repeatElement(0, count: bytes - old)) }
        current.removeSubrange(bytes...)
        let firstGone = (bytes + Self.sectorBytes - 1) / Self.sectorBytes
        // The rest of the sector that stays in part is zero from now on.
        if bytes % Self.sectorBytes > 0 {
            versions[bytes / Self.sectorBytes, default: []].append(Version(place: place, bytes: sectorBytes(bytes / Self.sectorBytes)))
        }
        let zeros = [UInt8](repeating: 0, count: Self.sectorBytes)
        let end = (old + Self.sectorBytes - 1) / Self.sectorBytes
        for sector in firstGone..<max(firstGone, end) {
            versions[sector, default: []].append(Version(place: place, bytes: zeros, isCut: true))
        }
    }

    /// What was done before `place` is durable.
    mutating func sync(before place: Int) {
        settleSizes { $0 < place }
        for (sector, list) in versions {
            if let last = list.last(where: { $0.place < place }) { keep(last.bytes, as: sector) }
            let rest = list.filter { $0.place >= place }
            versions[sector] = rest.isEmpty ? nil : rest
        }
    }

    /// The write at `place` is durable, with the size that it needs; what was written elsewhere before needn't be.
    mutating func syncWrite(at place: Int) {
        settleSizes { $0 <= place }
        for (sector, list) in versions {
            guard let index = list.lastIndex(where: { $0.place == place && !$0.isCut }) else { continue }
            keep(list[index].bytes, as: sector)
            let rest = Array(list[(index + 1)...])
            versions[sector] = rest.isEmpty ? nil : rest
        }
    }

    /// What the disk might hold if the power went now.
    func afterCut(using random: inout SeededRandom) -> [UInt8] {
        var result = durable
        var place = -1
        // The system often has written nothing yet, or all: such cuts are as likely as those in between.
        let habit = Int.random(in: 0..<4, using: &random)
        let sizeCount = habit == 0 ? 0 : habit == 1 ? sizes.count : Int.random(in: 0...sizes.count, using: &random)
        for size in sizes.prefix(sizeCount) {
            Self.resize(&result, to: size.bytes)
            place = size.place
        }
        for (sector, list) in versions.sorted(by: { $0.key < $1.key }) {
            let choices = Self.choices(list, sizeAt: place)
            let choice = habit == 0 ? 0 : habit == 1 ? choices.count : Int.random(in: 0...choices.count, using: &random)
            if choice > 0 { Self.put(choices[choice - 1].bytes, as: sector, in: &result) }
        }
        return result
    }

    /// The versions of a sector that go with a size: those between the cuts before and after it.
    private static func choices(_ list: [Version], sizeAt place: Int) -> [Version] {
        let start = list.lastIndex { $0.isCut && $0.place <= place }.map { $0 + 1 } ?? 0
        let end = list.firstIndex { $0.isCut && $0.place > place } ?? list.count
        return Array(list[start..<max(start, end)])
    }

    private mutating func settleSizes(_ isDurable: (Int) -> Bool) {
        while let size = sizes.first, isDurable(size.place) {
            Self.resize(&durable, to: size.bytes)
            sizes.removeFirst()
            for (sector, list) in versions {
                guard let index = list.lastIndex(where: { $0.isCut && $0.place <= size.place }) else { continue }
                let rest = Array(list[(index + 1)...])
                versions[sector] = rest.isEmpty ? nil : rest
            }
        }
    }

    private mutating func keep(_ bytes: [UInt8], as sector: Int) { Self.put(bytes, as: sector, in: &durable) }

    private func sectorBytes(_ sector: Int) -> [UInt8] {
        let start = sector * Self.sectorBytes
        let end = min(start + Self.sectorBytes, current.count)
        return Array(current[start..<end]) + [UInt8](repeating: 0, count: Self.sectorBytes - (end - start))
    }

    private static func put(_ bytes: [UInt8], as sector: Int, in content: inout [UInt8]) {
        let start = sector * sectorBytes
        let end = min(start + sectorBytes, content.count)
        if start < end { content.replaceSubrange(start..<end, with: bytes[..<(end - start)]) }
    }

    private static func resize(_ content: inout [UInt8], to bytes: Int) {
        if bytes < content.count { content.removeSubrange(bytes...) }
        content.append(contentsOf: repeatElement(0, count: max(0, bytes - content.count)))
    }
}
