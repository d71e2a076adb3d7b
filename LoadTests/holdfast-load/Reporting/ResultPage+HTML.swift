extension ResultPage {
    /// One file that needs no other: styles and drawings are in it, and no script.
    var html: String {
        typealias M = Markup
        var body = M.tag("h1", [:], M.text(title))
        body += M.tag(
            "p", ["class": "muted"], facts.map { M.tag("b", [:], M.text($0.name)) + ": " + M.text($0.value) }.joined(separator: "<br>\n"))
        let problems = sections.reduce(0) { $0 + $1.problems.count }
        if problems > 0 {
            body += Self.problems(["\(problems) of the runs are not clean: something was lost, doubled, out of order or damaged, see below"]
            )
        }
        if sections.count > 1 {
            let links = sections.enumerated().map { M.tag("a", ["href": "#s\($0.offset)"], M.text($0.element.title)) }
            body += M.tag("nav", ["aria-label": "Experiments"], links.joined(separator: "\n"))
        }
        if !goals.isEmpty {
            body += M.tag("h2", [:], "Ratios and goals")
            if let drawing = goalDrawing { body += M.tag("div", ["class": "plots"], Self.figure(drawing, id: "goals")) }
            body += Self.table(goalTable)
        }
        for (index, section) in sections.enumerated() {
            body += M.tag("h2", ["id": "s\(index)"], M.text(section.title)) + Self.problems(section.problems)
            let figures = section.drawings.enumerated().map { Self.figure($0.element, id: "p\(index)-\($0.offset)") }
            if !figures.isEmpty { body += M.tag("div", ["class": "plots"], figures.joined()) }
            body += Self.table(section.table)
            if !section.notes.isEmpty { body += M.tag("ul", [:], section.notes.map { M.tag("li", [:], M.text($0)) }.joined()) }
            let commands = section.commands.map { M.tag("div", [:], M.tag("code", [:], M.text($0))) }
            body += M.tag("details", [:], M.tag("summary", [:], "Commands") + commands.joined())
        }
        return "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
            + "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\">"
            + M.tag("title", [:], M.text(title)) + M.tag("style", [:], Style.plots + "\n" + Style.page) + "</head><body>\n"
            + M.tag("main", [:], body) + "\n</body></html>\n"
    }

    private static func figure(_ drawing: Drawing, id: String) -> String { Markup.tag("figure", [:], drawing.svg(id: id)) }

    private static func problems(_ problems: [String]) -> String {
        problems.map { Markup.tag("p", ["class": "bad"], Markup.text($0)) }.joined()
    }

    /// Wide ones scroll by themselves, so that the page doesn't.
    private static func table(_ table: Table) -> String {
        let header = table.header.map { Markup.tag("th", ["scope": "col"], Markup.text($0)) }.joined()
        let rows = table.rows.map { row in
            Markup.tag(
                "tr", [:],
                row.enumerated().map { index, cell in
                    index == 0
                        ? Markup.tag("th", ["scope": "row"], Markup.text(cell))
                        : Markup.tag("td", cell == missed ? ["class": "bad"] : cell == reached ? ["class": "good"] : [:], Markup.text(cell))
                }.joined())
        }
        return Markup.tag(
            "div", ["class": "scroll", "tabindex": "0"],
            Markup.tag(
                "table", [:],
                Markup.tag("thead", [:], Markup.tag("tr", [:], header)) + Markup.tag("tbody", [:], rows.joined(separator: "\n"))))
    }

    static let reached = "reached"
    static let missed = "MISSED"

    /// All ratios as text.
    var goalTable: Table {
        Table(
            header: ["figure", "value", "goal", "verdict"],
            rows: goals.map { goal in
                [
                    goal.name, goal.spread?.text(Quantity(named: goal.name)) ?? "–", goal.goal.isEmpty ? "–" : goal.goal,
                    goal.isReached.map { $0 ? Self.reached : Self.missed } ?? goal.notMeasured.map { "not measured: \($0)" } ?? "–",
                ]
            })
    }
}
