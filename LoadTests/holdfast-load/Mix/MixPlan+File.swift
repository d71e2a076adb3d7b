import Foundation
import Yams

extension MixPlan {
    /// Reads a scenario file. Errors name the file, the line, the key, and what it takes.
    init(file path: String) throws {
        guard let data = FileManager.default.contents(atPath: path) else { throw LoadError("\(path) can't be read") }
        guard data.count <= 1 << 20, let text = String(data: data, encoding: .utf8) else {
            throw LoadError("\(path) isn't a scenario file: it takes UTF-8 text of at most a megabyte")
        }
        try self.init(yaml: text, source: path)
    }

    /// Reads a scenario; `source` is what errors call it.
    init(yaml: String, source: String) throws {
        let root: Node?
        do {
            root = try Yams.compose(yaml: yaml)
        } catch {
            throw LoadError("\(source): not valid YAML: \(error)")
        }
        guard let root else { throw LoadError("\(source): the file is empty: it takes duration and groups") }
        let top = try MixReader(root, source, path: "")
        seconds = try top.number("duration", default: 60, "seconds, 1 to 10000000", 1...10_000_000)
        try top.allow(["duration", "groups"])
        groups = try top.sequence("groups").enumerated().map { index, node in
            try Self.group(MixReader(node, source, path: "groups[\(index)]."))
        }
        try check(source)
    }

    private static func group(_ reader: MixReader) throws -> Group {
        let behaviour = try reader.word("behaviour", Behaviour.allCases.map(\.rawValue))
        guard let behaviour = Behaviour(rawValue: behaviour) else { preconditionFailure("checked by word") }
        var keys = ["name", "behaviour", "clients"]
        let name = try reader.text("name", "a word of letters and digits, at most 32") { text in
            (1...32).contains(text.count) && text.allSatisfy { $0.isLetter || $0.isNumber }
        }
        var group = Group(
            name: name, behaviour: behaviour,
            clients: Int(try reader.number("clients", "a whole number, 1 to 10000000", 1...10_000_000, isWhole: true)))
        if behaviour.messages.isAllowed {
            keys += ["messagesPerSecond", "bytes"]
            let text = "above 0, at most 1000000"
            group.messagesPerSecond =
                behaviour.messages.isNeeded
                ? try reader.number("messagesPerSecond", text, 1e-6...1_000_000)
                : try reader.number("messagesPerSecond", default: 0, text, 1e-6...1_000_000)
            group.bytes = Int(
                try reader.number(
                    "bytes", default: 100, "a whole number, \(MessageBody.byteCountMin) to 60000",
                    Double(MessageBody.byteCountMin)...60_000, isWhole: true))
        }
        if let key = behaviour.eventKey {
            keys.append(key)
            group.eventsPerSecond = try reader.number(key, "above 0, at most 1000000", 1e-6...1_000_000)
        }
        if !behaviour.departures.isEmpty {
            keys.append("leave")
            let word = try reader.word("leave", behaviour.departures.map(\.rawValue), default: behaviour.departures[0].rawValue)
            group.leave = Fleet.Departure(rawValue: word) ?? .close
        }
        if behaviour.isInPairs && group.clients % 2 != 0 {
            throw reader.error("clients", "\(group.clients)", "an even number: \(behaviour) is done in pairs")
        }
        try reader.allow(keys)
        return group
    }

    private func check(_ source: String) throws {
        guard !groups.isEmpty else { throw LoadError("\(source): groups: there is none") }
        for (index, group) in groups.enumerated() {
            let others = groups[..<index]
            if others.contains(where: { $0.name == group.name }) {
                throw LoadError("\(source): groups[\(index)].name: '\(group.name)' is taken: each group takes a name of its own")
            }
            if group.behaviour.isOnceOnly, others.contains(where: { $0.behaviour == group.behaviour }) {
                throw LoadError("\(source): groups[\(index)].behaviour: there can be one group with '\(group.behaviour)' only")
            }
        }
    }
}

/// A mapping of a scenario file, read key by key.
private struct MixReader {
    private let mapping: Node.Mapping
    private let source: String
    private let path: String

    init(_ node: Node, _ source: String, path: String) throws {
        guard case .mapping(let mapping) = node else {
            throw LoadError(
                "\(source):\(node.mark?.line ?? 1): \(path.isEmpty ? "the file" : String(path.dropLast())) takes keys and values")
        }
        self.mapping = mapping
        self.source = source
        self.path = path
    }

    func error(_ key: String, _ value: String?, _ takes: String) -> LoadError {
        let line = (mapping[Node(key)]?.mark ?? mapping.mark)?.line ?? 1
        return LoadError("\(source):\(line): \(path)\(key): \(value.map { "'\($0)'" } ?? "missing"): it takes \(takes)")
    }

    /// Throws if there is a key that isn't one of these.
    func allow(_ keys: [String]) throws {
        for (key, _) in mapping where !keys.contains(key.string ?? "") {
            throw LoadError(
                "\(source):\(key.mark?.line ?? 1): \(path)\(key.string ?? "?"): there is no such key here: it takes \(keys.joined(separator: ", "))"
            )
        }
    }

    func text(_ key: String, _ takes: String, _ isGood: (String) -> Bool) throws -> String {
        guard let node = mapping[Node(key)] else { throw error(key, nil, takes) }
        guard let text = node.string, isGood(text) else { throw error(key, node.string ?? "a list", takes) }
        return text
    }

    func word(_ key: String, _ words: [String], default value: String? = nil) throws -> String {
        if let value, mapping[Node(key)] == nil { return value }
        return try text(key, words.joined(separator: ", ")) { words.contains($0) }
    }

    func number(
        _ key: String, default value: Double? = nil, _ takes: String, _ range: ClosedRange<Double>, isWhole: Bool = false
    ) throws -> Double {
        guard let node = mapping[Node(key)] else {
            guard let value else { throw error(key, nil, takes) }
            return value
        }
        guard let text = node.string, let number = Double(text), range.contains(number), !isWhole || number == number.rounded() else {
            throw error(key, node.string ?? "a list", takes)
        }
        return number
    }

    func sequence(_ key: String) throws -> [Node] {
        guard case .sequence(let sequence)? = mapping[Node(key)] else { throw error(key, nil, "a list of groups") }
        return Array(sequence)
    }
}
