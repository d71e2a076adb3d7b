import ArgumentParser
import Foundation

/// `holdfast-load flame`
struct FlameCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "flame",
        abstract: "Makes a flame graph of what 'perf script' prints: one SVG file that needs no other.",
        discussion: """
            A frame is as wide as the part of the samples in which it, or what it called, was running. The root is on top, below it each \
            thread. Names of Swift are made readable by swift-demangle, if that is in PATH. In a browser a tap makes a frame as wide as the \
            page.

            The scenarios do all this by themselves for a gateway that they start: --start --profile FILE.

            Examples:
              perf record -F 199 -g -p $(pgrep -x holdfast) -- sleep 10
              perf script | holdfast-load flame --output gateway.svg
              holdfast-load flame script.txt --output gateway.svg --title "10,000 phones"
            """)

    @Argument(help: ArgumentHelp("The text of perf script; -: standard input.", valueName: "file")) var input = "-"
    @Option(help: ArgumentHelp("The file to write.", valueName: "file")) var output: String
    @Option(help: "The graph's title. Default: the file's name.") var title: String?

    func run() throws {
        let isStandardInput = input == "-"
        guard !isStandardInput || isatty(STDIN_FILENO) == 0 else {
            throw ValidationError("standard input is a terminal: perf script | holdfast-load flame --output \(output)")
        }
        let name = isStandardInput ? "standard input" : input
        let text = try isStandardInput ? FileHandle.standardInput.readToEnd() ?? Data() : FileManager.default.contents(atPath: input)
        guard let text else { throw LoadError("\(name) can't be read") }
        let graph = try FlameGraph(script: text, name: name, title: title ?? name)
        try graph.write(to: output)
        Output.write("\(output): \(graph.sampleCount) samples")
    }
}
