/// Stacks put together: who was called by whom, and in how many samples.
final class FlameTree {
    /// What a frame belongs to.
    enum Kind: String, CaseIterable {
        case thread = "threads"
        case program = "the program"
        case library = "libraries"
        case kernel = "the kernel"
    }

    let name: String
    let kind: Kind
    /// Samples in which it, or something that it called, was running.
    private(set) var count = 0
    private var byName: [String: FlameTree] = [:]

    private init(name: String, kind: Kind) {
        self.name = name
        self.kind = kind
    }

    /// What it called, the same at each run: by name.
    var children: [FlameTree] { byName.values.sorted { $0.name < $1.name } }

    /// Levels, itself included.
    var depth: Int { 1 + (byName.values.map(\.depth).max() ?? 0) }

    /// All samples; below the root a thread each.
    /// - Parameters:
    ///   - names: of the profile's frames, in their order.
    ///   - program: the library that is the program itself; nil: the one with the most samples that isn't the kernel.
    convenience init(_ profile: PerfProfile, names: [String], program: String? = nil) {
        self.init(name: "all", kind: .thread)
        let program = program ?? Self.mainLibrary(profile)
        var ids: [String: Set<Int>] = [:]
        for sample in profile.samples { ids[sample.thread.name, default: []].insert(sample.thread.id) }
        for sample in profile.samples {
            count += 1
            // Threads of one name are told apart by their numbers.
            let isOnly = ids[sample.thread.name]?.count == 1
            var node = child(isOnly ? sample.thread.name : "\(sample.thread.name) (\(sample.thread.id))", .thread)
            node.count += 1
            for index in sample.stack.reversed() {
                let frame = profile.frames[index]
                let name = frame.symbol == "[unknown]" && frame.library != "[unknown]" ? "[unknown] \(frame.library)" : names[index]
                node = node.child(name, frame.isKernel ? .kernel : frame.library == program ? .program : .library)
                node.count += 1
            }
        }
    }

    private func child(_ name: String, _ kind: Kind) -> FlameTree {
        if let node = byName[name] { return node }
        let node = FlameTree(name: name, kind: kind)
        byName[name] = node
        return node
    }

    private static func mainLibrary(_ profile: PerfProfile) -> String {
        var counts: [String: Int] = [:]
        for sample in profile.samples {
            for library in Set(sample.stack.map { profile.frames[$0] }.filter { !$0.isKernel }.map(\.library)) {
                counts[library, default: 0] += 1
            }
        }
        // A tie is decided by the name, so that a drawing is the same each time. Every stack begins in the C library.
        return counts.filter { !$0.key.hasPrefix("lib") && !$0.key.hasPrefix("ld-") && !$0.key.hasPrefix("[") }
            .max { ($0.value, $1.key) < ($1.value, $0.key) }?.key ?? ""
    }
}
