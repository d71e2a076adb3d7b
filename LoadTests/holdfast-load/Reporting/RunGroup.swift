/// Runs of one scenario, with the same parameters, against the same server.
struct RunGroup: Sendable {
    /// What runs of the same experiment, against whichever server, have in common.
    struct Experiment: Hashable, Sendable {
        var scenario: String
        /// Nil in comparisons: not all servers can stand as many.
        var clients: Int?
        /// By name: figures that were chosen, not measured.
        var parameters: [String: Double]
        /// What the command asked for: the rate, for instance, which is no figure.
        var options: RunOptions
        /// Cores, processor and memory: what was measured on another machine is another measurement.
        var machine: String

        /// For people.
        var title: String {
            let counted = clients.map { $0 > 0 ? ["\(Quantity.count.text(Double($0))) clients"] : [] } ?? []
            let chosen = parameters.sorted { $0.key < $1.key }.map {
                "\(Quantity.title($0.key)) \(Quantity.count.text($0.value))"
            }
            // What stands there already isn't said twice.
            let options = options.values.filter { name, _ in
                switch name {
                case "clients": clients == nil
                case "tls", "tls-resume": !scenario.contains("-tls")
                default: parameters[RunGroup.figure(ofOption: name)] == nil
                }
            }
            let asked = options.sorted { $0.key < $1.key }.map {
                $0.key == "start" ? "a gateway of its own" : $0.value.isEmpty ? $0.key : "\($0.key) \($0.value)"
            }
            return ([scenario] + counted + chosen + asked).joined(separator: ", ")
        }
    }

    /// The figure that says what an option asked for: `inFlight` for `in-flight`, `bodyBytes` for `bytes`.
    static func figure(ofOption name: String) -> String {
        if name == "bytes" { return "bodyBytes" }
        let words = name.split(separator: "-")
        return (words.prefix(1) + words.dropFirst().map { $0.prefix(1).uppercased() + $0.dropFirst() }).joined()
    }

    /// Several machines are named where there are several.
    static func machine(_ run: Report) -> String {
        let machine = run.context.machine
        return "\(machine.cores) cores of \(machine.processor), \(Quantity.bytes.text(Double(machine.memoryBytes)))"
    }

    /// Figures that a run was given.
    private static let parameters: Set<String> = [
        "backlog", "batch", "bodyBytes", "factor", "inFlight", "outstanding", "queued", "receivers", "recordBytes", "rounds", "senders",
        "users", "window",
    ]

    let experiment: Experiment
    /// The server's name and settings; its version and how many clients it had too, where there are several.
    private(set) var server: String
    private let name: String
    private let settings: String
    private let version: String
    let clients: Int
    let isHoldfast: Bool
    private(set) var runs: [Report]

    private init(first run: Report) {
        experiment = Experiment(
            scenario: run.scenario, clients: run.scenario.hasPrefix("compare-") ? nil : run.clients,
            parameters: run.figures.filter { Self.parameters.contains($0.key) }, options: RunOptions(command: run.context.command),
            machine: Self.machine(run))
        let server = run.context.server
        name = server?.name ?? "this machine"
        settings = server?.settings ?? ""
        self.server = Self.label(name, settings)
        version = server?.version ?? ""
        clients = run.clients
        isHoldfast = run.context.server?.name == "holdfast"
        runs = [run]
    }

    private static func label(_ parts: String...) -> String { parts.filter { !$0.isEmpty }.joined(separator: ", ") }

    /// Sorts runs into groups: in the order in which experiments first appear, and in each Holdfast first.
    static func groups(_ runs: [Report]) -> [(experiment: Experiment, groups: [RunGroup])] {
        var order: [Experiment] = []
        var groups: [Experiment: [RunGroup]] = [:]
        for run in runs {
            let group = RunGroup(first: run)
            if groups[group.experiment] == nil { order.append(group.experiment) }
            var known = groups[group.experiment] ?? []
            if let index = known.firstIndex(where: { ($0.server, $0.version, $0.clients) == (group.server, group.version, group.clients) })
            {
                known[index].runs.append(run)
            } else {
                known.append(group)
            }
            groups[group.experiment] = known
        }
        let versions = Dictionary(grouping: groups.values.joined(), by: \.server).mapValues { Set($0.map(\.version)).count }
        return order.map { experiment in
            var known = groups[experiment] ?? []
            let sizes = Set(known.map(\.clients)).count
            for index in known.indices {
                let group = known[index]
                // The settings last: they are what a bar has no room for.
                known[index].server = label(
                    group.name + (versions[group.server] ?? 1 > 1 ? " (\(group.version))" : ""),
                    sizes > 1 ? "\(Quantity.count.text(Double(group.clients))) clients" : "", group.settings)
            }
            return (experiment, known.filter(\.isHoldfast) + known.filter { !$0.isHoldfast })
        }
    }

    /// What a reader of any run with messages wants to know, also when it is nothing.
    private static let verdicts: Set<String> = ["lost", "duplicated", "reordered", "corrupted"]

    /// What was measured, in the order in which it's read.
    var measures: [Measure] {
        var measures: [Measure] = []
        func add(_ name: String, _ quantity: Quantity, isShown: Bool = true, _ value: (Report) -> Double?) {
            guard let spread = Spread(runs.compactMap(value)) else { return }
            measures.append(Measure(name: name, quantity: quantity, spread: spread, isShown: isShown))
        }
        func names(_ keys: (Report) -> [String]) -> [String] { Set(runs.flatMap(keys)).sorted() }
        for name in names({ Array($0.rates.keys) }) { add("\(Quantity.title(name)) a second", .perSecond) { $0.rates[name] } }
        for name in names({ Array($0.latencyMicroseconds.keys) }) {
            add("\(name), p50", .microseconds, isShown: false) { $0.latencyMicroseconds[name]?.p50 }
            add("\(name), p99", .microseconds) { $0.latencyMicroseconds[name]?.p99 }
            add("\(name), p99.9", .microseconds, isShown: false) { $0.latencyMicroseconds[name]?.p999 }
            add("\(name), max", .microseconds, isShown: false) { $0.latencyMicroseconds[name]?.max }
        }
        add("server memory a connection", .bytes) { $0.serverBytesPerConnection }
        add("generator memory a client", .bytes, isShown: false) { $0.generatorBytesPerPhone }
        add("server CPU time", .seconds, isShown: false) { $0.cpuSeconds.server }
        add("generator CPU time", .seconds, isShown: false) { $0.cpuSeconds.generator }
        for name in names({ Array($0.figures.keys) }) where !Self.parameters.contains(name) && name != "run" {
            add(Quantity.title(name), Quantity(named: name), isShown: !name.hasPrefix("generator")) { $0.figures[name] }
        }
        add("measured", .seconds, isShown: false) { $0.seconds }
        for (name, value) in [
            ("sent", \Report.sent), ("acknowledged", \.acknowledged), ("delivered", \.delivered), ("refused", \.refused), ("lost", \.lost),
            ("duplicated", \.duplicated), ("reordered", \.reordered), ("corrupted", \.corrupted),
        ] where runs.contains(where: { $0[keyPath: value] > 0 || ($0.sent > 0 && Self.verdicts.contains(name)) }) {
            add(name, .count, isShown: false) { Double($0[keyPath: value]) }
        }
        return measures
    }
}

/// One figure of a group.
struct Measure: Sendable {
    var name: String
    var quantity: Quantity
    var spread: Spread
    /// Whether servers are compared by it in a plot; the table has all.
    var isShown: Bool
}
