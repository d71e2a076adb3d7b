import ArgumentParser
import Foundation

/// A page with plots from the JSON of any runs.
struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Makes a page with plots and tables from the JSON lines of any runs.",
        discussion: """
            Reads files with one JSON object a line, as --json of the scenarios, 'ratios' and 'compare' print them. Several runs of one \
            scenario against the same server become their median and range; servers in the same scenario stand side by side. The HTML page is \
            one file that needs no other and no script.

            Examples:
              holdfast-load throughput --json >> results.jsonl
              holdfast-load report results.jsonl --output report.html
              holdfast-load report results.jsonl --format markdown --output results.md \\
                --svg-directory plots
            """)

    enum Format: String, ExpressibleByArgument, CaseIterable { case html, markdown }

    @Argument(help: ArgumentHelp("Files with JSON lines.", valueName: "file")) var files: [String]
    @Option(help: ArgumentHelp("Where to write the page.", valueName: "file")) var output: String
    @Option(help: "html or markdown.") var format = Format.html
    @Option(help: ArgumentHelp("Where Markdown's plots go, as SVG files. Default: none, tables only.", valueName: "dir"))
    var svgDirectory: String?

    func validate() throws {
        if svgDirectory != nil && format == .html {
            throw ValidationError("--svg-directory goes with --format markdown: the HTML page has its plots inside")
        }
    }

    func run() throws {
        let page = try ResultPage(ResultLines.read(files))
        switch format {
        case .html: try Self.write(page.html, to: output)
        case .markdown:
            let folder = svgDirectory.map { Self.path(from: (output as NSString).deletingLastPathComponent, to: $0) }
            let (text, drawings) = page.markdown(drawingsIn: folder)
            if let svgDirectory {
                do {
                    try FileManager.default.createDirectory(atPath: svgDirectory, withIntermediateDirectories: true)
                } catch { throw LoadError("--svg-directory: \(svgDirectory) can't be made: \(error.localizedDescription)") }
                for (name, svg) in drawings { try Self.write(svg, to: svgDirectory + "/" + name) }
            }
            try Self.write(text, to: output)
        }
        Output.write("\(output): \(page.sections.count) experiments, \(page.sections.reduce(0) { $0 + $1.drawings.count }) plots")
    }

    private static func write(_ text: String, to path: String) throws {
        do { try Data(text.utf8).write(to: URL(filePath: path)) } catch {
            throw LoadError("\(path) can't be written: \(error.localizedDescription)")
        }
    }

    /// How a file in one directory names another directory.
    static func path(from: String, to: String) -> String {
        func parts(_ path: String) -> [String] { URL(filePath: path.isEmpty ? "." : path).standardizedFileURL.pathComponents }
        let (from, to) = (parts(from), parts(to))
        let common = zip(from, to).prefix { $0 == $1 }.count
        return (Array(repeating: "..", count: from.count - common) + to[common...]).joined(separator: "/")
    }
}
