import HoldfastTestSupport

/// The files below a directory: as programs see them, and as a power cut might leave them.
///
/// What holds for a journaling file system: a name is durable after a sync of its directory, not after one of the file; the changes of one
/// directory's names become durable in their order, those of different directories in any; a rename is whole. Content: see `FileContent`.
struct DiskModel {
    fileprivate enum NameChange {
        case put(String, node: Int)
        case remove(String)
        case rename(String, to: String)

        func apply(to names: inout [String: Int]) {
            switch self {
            case .put(let name, let node): names[name] = node
            case .remove(let name): names[name] = nil
            case .rename(let name, let newName):
                names[newName] = names[name]
                names[name] = nil
            }
        }
    }

    fileprivate struct Directory {
        var current: [String: Int] = [:]
        var durable: [String: Int] = [:]
        var changes: [(place: Int, change: NameChange)] = []
    }

    private enum Node {
        case directory(Directory)
        case file(FileContent)
    }

    private var nodes: [Node] = [.directory(Directory())]
    /// The system's numbers of what is there now.
    private var numbers: [UInt64: Int] = [:]

    /// A disk whose content is durable.
    /// - Parameter numbers: the system's number of each path; "" is the root.
    init(_ image: DiskImage, numbers: [String: UInt64]) throws {
        self.numbers[numbers[""] ?? 0] = 0
        for path in image.directories.sorted() { try add(.directory(Directory()), path, numbers) }
        for (path, bytes) in image.files.sorted(by: { $0.key < $1.key }) { try add(.file(FileContent(durable: bytes)), path, numbers) }
        for index in nodes.indices { updateDirectory(index) { $0.settle { _ in true } } }
    }

    private mutating func add(_ node: Node, _ path: String, _ numbers: [String: UInt64]) throws {
        try put(path, at: -1, makeNode(node, number: numbers[path] ?? 0))
    }

    /// Does what a log says.
    mutating func apply(_ log: DiskLog) throws {
        for record in log.records { try apply(record) }
    }

    private mutating func apply(_ record: DiskLog.Record) throws {
        let place = record.place
        switch record.event {
        case .create(let path, let number): try put(path, at: place, makeNode(.file(FileContent()), number: number))
        case .makeDirectory(let path, let number): try put(path, at: place, makeNode(.directory(Directory()), number: number))
        case .link(let path, let number): try put(path, at: place, node(number))
        case .unlink(let path): try change(path, at: place) { .remove($0) }
        case .rename(let from, let to):
            guard Self.split(from).directory == Self.split(to).directory else { throw LoadError("a rename from \(from) to \(to)") }
            try change(from, at: place) { .rename($0, to: Self.split(to).name) }
        case .write(let number, let offset, let bytes): try updateFile(node(number)) { $0.write(bytes, at: offset, place: place) }
        case .size(let number, let bytes): try updateFile(node(number)) { $0.resize(to: bytes, place: place) }
        case .sync(let number, let end):
            let index = try node(number)
            updateDirectory(index) { $0.settle { $0 < end } }
            updateFile(index) { $0.sync(before: end) }
        case .syncWrite(let number, let writePlace): try updateFile(node(number)) { $0.syncWrite(at: writePlace) }
        case .syncAll(let end):
            for index in nodes.indices {
                updateDirectory(index) { $0.settle { $0 < end } }
                updateFile(index) { $0.sync(before: end) }
            }
        }
    }

    /// What the programs see.
    var current: DiskImage {
        var names: [Int: [String: Int]] = [:]
        var contents: [Int: [UInt8]] = [:]
        for (index, node) in nodes.enumerated() {
            switch node {
            case .directory(let directory): names[index] = directory.current
            case .file(let file): contents[index] = file.current
            }
        }
        return image(names, contents)
    }

    /// What the disk might hold if the power went now.
    func afterCut(using random: inout SeededRandom) -> DiskImage {
        var names: [Int: [String: Int]] = [:]
        var contents: [Int: [UInt8]] = [:]
        for (index, node) in nodes.enumerated() {
            switch node {
            case .directory(let directory): names[index] = directory.afterCut(using: &random)
            case .file(let file): contents[index] = file.afterCut(using: &random)
            }
        }
        return image(names, contents)
    }

    private func image(_ names: [Int: [String: Int]], _ contents: [Int: [UInt8]]) -> DiskImage {
        var image = DiskImage()
        collect(0, "", names, contents, into: &image)
        return image
    }

    private func collect(
        _ index: Int, _ path: String, _ names: [Int: [String: Int]], _ contents: [Int: [UInt8]], into image: inout DiskImage
    ) {
        for (name, child) in names[index] ?? [:] {
            let childPath = path.isEmpty ? name : path + "/" + name
            if let bytes = contents[child] {
                image.files[childPath] = bytes
            } else {
                image.directories.insert(childPath)
                collect(child, childPath, names, contents, into: &image)
            }
        }
    }

    private mutating func makeNode(_ node: Node, number: UInt64) -> Int {
        nodes.append(node)
        // A number that is used again is the new file's.
        numbers[number] = nodes.count - 1
        return nodes.count - 1
    }

    private func node(_ number: UInt64) throws -> Int {
        guard let index = numbers[number] else { throw LoadError("the recorder's log names file \(number), which wasn't there") }
        return index
    }

    private mutating func put(_ path: String, at place: Int, _ node: Int) throws { try change(path, at: place) { .put($0, node: node) } }

    private mutating func change(_ path: String, at place: Int, _ make: (String) -> NameChange) throws {
        let (directory, name) = Self.split(path)
        var index = 0
        for part in directory.split(separator: "/") {
            guard case .directory(let parent) = nodes[index], let child = parent.current[String(part)] else {
                throw LoadError("the recorder's log changes \(path), whose folder isn't there")
            }
            index = child
        }
        updateDirectory(index) { $0.change(make(name), at: place) }
    }

    private mutating func updateDirectory(_ index: Int, _ body: (inout Directory) -> Void) {
        guard case .directory(var directory) = nodes[index] else { return }
        body(&directory)
        nodes[index] = .directory(directory)
    }

    private mutating func updateFile(_ index: Int, _ body: (inout FileContent) -> Void) {
        guard case .file(var file) = nodes[index] else { return }
        // Taken out, so that the content isn't copied.
        nodes[index] = .file(FileContent())
        body(&file)
        nodes[index] = .file(file)
    }

    private static func split(_ path: String) -> (directory: String, name: String) {
        guard let slash = path.lastIndex(of: "/") else { return ("", path) }
        return (String(path[..<slash]), String(path[path.index(after: slash)...]))
    }
}

extension DiskModel.Directory {
    fileprivate mutating func change(_ change: DiskModel.NameChange, at place: Int) {
        change.apply(to: &current)
        changes.append((place, change))
    }

    /// These changes are durable.
    fileprivate mutating func settle(_ isDurable: (Int) -> Bool) {
        while let first = changes.first, isDurable(first.place) {
            first.change.apply(to: &durable)
            changes.removeFirst()
        }
    }

    fileprivate func afterCut(using random: inout SeededRandom) -> [String: Int] {
        let habit = Int.random(in: 0..<4, using: &random)
        let count = habit == 0 ? 0 : habit == 1 ? changes.count : Int.random(in: 0...changes.count, using: &random)
        var names = durable
        for change in changes.prefix(count) { change.change.apply(to: &names) }
        return names
    }
}
