import Foundation

/// What a page of results says, whatever it is written in. Pure.
struct ResultPage: Sendable {
    /// Rows of text; the first cell of each names it.
    struct Table: Sendable {
        var header: [String]
        var rows: [[String]]
    }

    /// One experiment.
    struct Section: Sendable {
        var title: String
        /// What must not have happened.
        var problems: [String]
        var drawings: [Drawing]
        var table: Table
        var notes: [String]
        var commands: [String]
    }

    /// A figure with its goal.
    struct Goal: Sendable {
        var name: String
        /// Nil if it couldn't be measured.
        var spread: Spread?
        var goal: String
        /// Nil without a goal.
        var isReached: Bool?
        /// Why it couldn't be measured.
        var notMeasured: String?
        /// How many times better than the goal.
        var margin: Spread?
    }

    let title = "Holdfast load tests"
    let facts: [(name: String, value: String)]
    let goals: [Goal]
    let sections: [Section]

    init(_ lines: ResultLines) {
        let groups = RunGroup.groups(lines.runs)
        let colours = Self.colours(groups.flatMap(\.groups))
        facts = Self.facts(lines.runs)
        goals = Self.goals(lines.ratios)
        let machines = Set(groups.map(\.experiment.machine)).count
        sections = groups.map { Self.section($0.experiment, $0.groups, colours, namesMachine: machines > 1) }
    }

    /// Which colour each server has, by its name on the page. There are few: those of all servers as they come first, Holdfast's before, and
    /// then those of their other settings. The same server with another version or size has the same one.
    private static func colours(_ groups: [RunGroup]) -> [String: Int] {
        var names: Set<String> = []
        var firsts: [RunGroup] = []
        var others: [RunGroup] = []
        for group in groups.filter(\.isHoldfast) + groups.filter({ !$0.isHoldfast }) {
            let isFirst = names.insert(group.runs.first?.context.server?.name ?? "").inserted
            if isFirst { firsts.append(group) } else { others.append(group) }
        }
        var colours: [String: Int] = [:]
        var known: [String: Int] = [:]
        for group in firsts + others where colours[group.server] == nil {
            let name = group.runs.first?.context.server.map { "\($0.name)\n\($0.settings)" } ?? ""
            let colour = known[name] ?? known.count
            known[name] = colour
            colours[group.server] = colour
        }
        return colours
    }

    /// The goals that were set, by how far they were reached or missed.
    var goalDrawing: Drawing? {
        let bars = goals.compactMap { goal in
            goal.margin.map { margin in
                BarPlot.Bar(
                    name: goal.name, value: margin,
                    text:
                        "\(goal.spread.map { Quantity(named: goal.name).text($0.median) } ?? "–"): \(goal.isReached == true ? "reached ✓" : "MISSED ✗")",
                    colour: goal.isReached == true ? 0 : 1)
            }
        }
        guard !bars.isEmpty else { return nil }
        return BarPlot(title: "Goals", axis: "times better than the goal", quantity: .ratio, baseline: 1, bars: bars).draw()
    }

    private static func facts(_ runs: [Report]) -> [(name: String, value: String)] {
        func distinct(_ values: [String]) -> String { unique(values).joined(separator: "; ") }
        let dates = runs.map(\.context.startedAt).sorted()
        let span = dates.first == dates.last ? dates.first ?? "" : "\(dates.first ?? "") to \(dates.last ?? "")"
        let machines = runs.map(\.context.machine).map {
            "\($0.cores) cores of \($0.processor), \(Quantity.bytes.text(Double($0.memoryBytes))), Linux \($0.kernel), "
                + "\(Quantity.count.text(Double($0.descriptors))) descriptors a process"
        }
        let servers = runs.compactMap(\.context.server).map {
            "\($0.name) \($0.version)" + ($0.settings.isEmpty ? "" : " (\($0.settings))")
        }
        return [
            ("runs", "\(runs.count)"), ("measured", span), ("machine", distinct(machines)), ("servers", distinct(servers)),
            ("commit of the load tester", distinct(runs.map(\.context.commit))), ("messages", messages(runs)),
        ].filter { !$0.1.isEmpty }
    }

    /// What became of all messages, also when nothing did that must not.
    private static func messages(_ runs: [Report]) -> String {
        let sent = runs.reduce(0) { $0 + $1.sent }
        guard sent > 0 else { return "" }
        func sum(_ count: (Report) -> Int) -> String { Quantity.count.text(Double(runs.reduce(0) { $0 + count($1) })) }
        return "\(sum(\.sent)) sent: lost \(sum(\.lost)), doubled \(sum(\.duplicated)), reordered \(sum(\.reordered)), "
            + "damaged \(sum(\.corrupted))"
    }

    private static func unique(_ values: [String]) -> [String] {
        var seen: Set<String> = []
        return values.filter { seen.insert($0).inserted }
    }

    private static func goals(_ ratios: [RatioResult.Ratio]) -> [Goal] {
        func goal(_ ratio: RatioResult.Ratio) -> String {
            let quantity = Quantity(named: ratio.name)
            return ratio.atMost.map { "at most \(quantity.text($0))" } ?? ratio.atLeast.map { "at least \(quantity.text($0))" } ?? ""
        }
        return unique(ratios.map { "\($0.name)\n\(goal($0))" }).compactMap { key in
            let same = ratios.filter { "\($0.name)\n\(goal($0))" == key }
            guard let first = same.first else { return nil }
            let values = same.compactMap(\.value)
            let spread = Spread(values)
            let margins = values.compactMap { value in first.atMost.map { $0 / value } ?? first.atLeast.map { value / $0 } }
            let isReached = spread.flatMap { spread in
                first.atMost.map { spread.median <= $0 } ?? first.atLeast.map { spread.median >= $0 }
            }
            return Goal(
                name: first.name, spread: spread, goal: goal(first), isReached: isReached, notMeasured: first.notMeasured,
                margin: Spread(margins.filter { $0 > 0 }))
        }
    }

    private static func section(
        _ experiment: RunGroup.Experiment, _ groups: [RunGroup], _ colours: [String: Int], namesMachine: Bool
    ) -> Section {
        let runs = groups.flatMap { group in group.runs.map { (group: group, run: $0) } }
        let problems = runs.filter { !$0.run.isClean }.map { group, run in
            let faults = run.faults.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
            let counts = "lost \(run.lost), duplicated \(run.duplicated), reordered \(run.reordered), corrupted \(run.corrupted)"
            return "Not clean: \(group.server), run of \(run.context.startedAt): " + ([counts] + faults).joined(separator: ", ")
        }
        return Section(
            title: experiment.title + (namesMachine ? ", on \(experiment.machine)" : ""), problems: problems,
            drawings: GroupPlots(experiment: experiment, groups: groups, colours: colours).all,
            table: table(groups),
            notes: unique(runs.flatMap { group, run in run.notes.map { groups.count > 1 ? "\(group.server): \($0)" : $0 } }),
            commands: unique(runs.map(\.run.context.command)))
    }

    /// A row for each measure, a column for each server.
    private static func table(_ groups: [RunGroup]) -> Table {
        let measures = groups.map(\.measures)
        let cells = measures.map { Dictionary($0.map { ($0.name, $0.spread.text($0.quantity)) }, uniquingKeysWith: { first, _ in first }) }
        let names = unique(measures.flatMap { $0.map(\.name) })
        var rows = [["runs"] + groups.map { "\($0.runs.count)" }]
        rows += names.map { name in [name] + cells.map { $0[name] ?? "–" } }
        let bounds = groups.map { group in unique(group.runs.compactMap(\.bound)).joined(separator: "; ") }
        if bounds.contains(where: { !$0.isEmpty }) { rows.append(["bound by"] + bounds.map { $0.isEmpty ? "–" : $0 }) }
        let closes = groups.map { group in
            Set(group.runs.flatMap(\.closedByServer.keys)).sorted()
                .map { code in "\(code): \(group.runs.reduce(0) { $0 + ($1.closedByServer[code] ?? 0) })" }.joined(separator: ", ")
        }
        if closes.contains(where: { !$0.isEmpty }) { rows.append(["connections closed by the server, by code"] + closes) }
        return Table(header: [groups.contains { $0.runs.count > 1 } ? "median (range)" : "figure"] + groups.map(\.server), rows: rows)
    }
}
