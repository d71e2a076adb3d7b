extension ResultPage {
    /// A page in Markdown, and the drawings that it shows, by the names of their files.
    /// - Parameter folder: where the page finds the drawings, without a slash at the end; nil: tables only.
    func markdown(drawingsIn folder: String?) -> (text: String, files: [String: String]) {
        var files: [String: String] = [:]
        func image(_ drawing: Drawing, _ section: String) -> String {
            guard let folder else { return "" }
            let slug = Markup.slug("\(section) \(drawing.title)")
            var name = slug + ".svg"
            var number = 2
            while files[name] != nil {
                name = "\(slug)-\(number).svg"
                number += 1
            }
            files[name] = drawing.svg(id: slug, isFile: true)
            return "![\(Self.cell(drawing.title + ": " + drawing.description))](\(folder.isEmpty ? name : "\(folder)/\(name)"))\n"
        }
        var text = "# \(title)\n\n" + facts.map { "- \($0.name): \(Self.cell($0.value))\n" }.joined()
        if !goals.isEmpty {
            text += "\n## Ratios and goals\n\n" + (goalDrawing.map { image($0, "") + "\n" } ?? "") + Self.table(goalTable)
        }
        for section in sections {
            text += "\n## \(Self.cell(section.title))\n\n"
            text += section.problems.map { "**\(Self.cell($0))**\n\n" }.joined()
            text += section.drawings.map { image($0, section.title) }.joined()
            text += (section.drawings.isEmpty || folder == nil ? "" : "\n") + Self.table(section.table)
            if !section.notes.isEmpty { text += "\n" + section.notes.map { "- \(Self.cell($0))\n" }.joined() }
            text += "\n" + section.commands.map { "    \(Self.line($0))\n" }.joined()
        }
        return (text, files)
    }

    private static func table(_ table: Table) -> String {
        func row(_ cells: [String]) -> String { "| " + cells.map(cell).joined(separator: " | ") + " |\n" }
        let rule = "|---|" + String(repeating: "---:|", count: table.header.count - 1) + "\n"
        return row(table.header) + rule + table.rows.map(row).joined()
    }

    /// Text on one line in which nothing is markup.
    private static func cell(_ text: String) -> String {
        line(text).map { "\\`*_[]<>|".contains($0) ? "\\\($0)" : String($0) }.joined()
    }

    private static func line(_ text: String) -> String { text.split(whereSeparator: \.isNewline).joined(separator: " ") }
}
