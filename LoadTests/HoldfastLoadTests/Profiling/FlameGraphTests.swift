import Foundation
import Testing

@testable import holdfast_load

/// From the text of `perf script` to a drawing. The text is invented.
@Suite struct FlameGraphTests {
    private static let script = """
        holdfast 100/101 55.100000:    1005025 cpu-clock:pppH:\u{20}
        \t    55d0 $s4main5drainyyF+0x12 (/usr/bin/holdfast)
        \t    55d1 main+0x40 (/usr/bin/holdfast)

        loop 1 100/102 55.200000:    1005025 cpu-clock:pppH:\u{20}
        \tffffffff81 do_syscall_64+0x1 ([kernel.kallsyms])
        \t    7f00 __write (inlined)+0x10 (/usr/lib/libc.so.6)
        \t    55d2 $s4main5drainyyF+0x99 (/usr/bin/holdfast)
        \t    55d1 main+0x44 (/usr/bin/holdfast)

        loop 1 100/102 55.300000:    1005025 cpu-clock:pppH:\u{20}
        \t    7f01 [unknown] (/usr/lib/libc.so.6)
        \t    55d1 main+0x40 (/usr/bin/holdfast)

        loop 1 100/103 55.400000:    1005025 cpu-clock:pppH:\u{20}

        """

    private static func profile(_ text: String) throws -> PerfProfile { try PerfProfile(script: Data(text.utf8), name: "x") }

    private static func tree(_ text: String) throws -> FlameTree {
        let profile = try profile(text)
        return FlameTree(profile, names: profile.frames.map(\.symbol))
    }

    /// Names and counts, a frame a line.
    private static func lines(_ tree: FlameTree, _ indent: String = "") -> [String] {
        ["\(indent)\(tree.name) \(tree.count)"] + tree.children.flatMap { lines($0, indent + " ") }
    }

    @Test func `samples have their thread, and their functions without offsets`() throws {
        let profile = try Self.profile(Self.script)
        #expect(profile.samples.map(\.thread.name) == ["holdfast", "loop 1", "loop 1", "loop 1"])
        #expect(profile.samples.map(\.thread.id) == [101, 102, 102, 103])
        #expect(profile.samples.map(\.stack.count) == [2, 4, 2, 0])
        let first = profile.samples[0].stack.map { profile.frames[$0] }
        #expect(first == [.init(symbol: "$s4main5drainyyF", library: "holdfast"), .init(symbol: "main", library: "holdfast")])
        #expect(profile.frames.contains(.init(symbol: "__write (inlined)", library: "libc.so.6")))
        #expect(profile.frames.filter(\.isKernel).map(\.symbol) == ["do_syscall_64"])
    }

    @Test func `the fields of a sample's first line may be others`() throws {
        let heads = [
            "my prog 7 [001] 12.5:  1 cycles:u:", "my prog 6/7", "my prog     7 12.5: cycles:", "my prog 6/7 250000 cpu-clock:",
            "my prog 7",
        ]
        for head in heads {
            let sample = try #require(try Self.profile(head + "\n  1f0 f (/bin/x)\n").samples.first, "\(head)")
            #expect(sample.thread == .init(name: "my prog", id: 7), "\(head)")
            #expect(sample.stack.count == 1, "\(head)")
        }
    }

    @Test func `stacks are put together by thread and caller`() throws {
        #expect(
            try Self.lines(Self.tree(Self.script)) == [
                "all 4", " holdfast 1", "  main 1", "   $s4main5drainyyF 1", " loop 1 (102) 2", "  main 2", "   $s4main5drainyyF 1",
                "    __write (inlined) 1", "     do_syscall_64 1", "   [unknown] libc.so.6 1", " loop 1 (103) 1",
            ])
    }

    @Test func `the kernel, libraries and the program are told apart`() throws {
        let main = try Self.tree(Self.script).children[1].children[0]
        #expect(main.kind == .program && main.children[1].kind == .library)
        #expect(main.children[0].children[0].children[0].kind == .kernel)
    }

    @Test func `text without a sample is refused`() {
        for text in ["", "hello\n", "# a comment\n\n\t 1f0 f (/bin/x)\n"] {
            let error = #expect(throws: LoadError.self) { try Self.profile(text) }
            #expect(error?.description.contains("perf record -g") == true)
        }
    }

    @Test func `the drawing is well formed, whatever the names are`() throws {
        let evil = "<script>alert('1')</script>&]]>\"\u{1}"
        let text = "\(evil) 7 12.5: cycles:\n  1f0 \(evil) (/bin/x)\n\n" + Self.script
        let svg = FlameDrawing(title: evil, subtitle: evil, tree: try Self.tree(text)).svg
        let bytes = Array(svg.replacing(/<!\[CDATA\[.*?\]\]>/.dotMatchesNewlines(), with: "").utf8)
        let read = try #require(try XMLReader.read(bytes.span, from: 0))
        #expect(read.end == bytes.count - 1)
        guard case .element(let root) = read.item else { return #expect(Bool(false), "no element") }
        #expect(root.name == "svg")
        let frames = root.children.filter { $0.name == "svg" }
        #expect(frames.count == 13)
        #expect(frames.allSatisfy { $0.children.map(\.name) == ["title", "rect", "text"] })
        #expect(frames[0].attributes["width"] == "100.0000%" && frames[0].children[0].text == "all: 5 samples, 100.0 %")
        let isMarkup = svg.contains("<script>alert")
        #expect(!isMarkup && ["src=", "href", "url(", "@import"].filter { svg.contains($0) } == [])
    }

    @Test func `frames lie below their callers, beside each other, in percent of the page`() throws {
        let svg = FlameDrawing(title: "t", subtitle: "s", tree: try Self.tree(Self.script)).svg
        let pattern = #/x="([0-9.]+)%" y="([0-9]+)" width="([0-9.]+)%"[^>]*><title>([^<:]*): /#
        let places = Dictionary(svg.matches(of: pattern).map { (String($0.4), [$0.1, $0.2, $0.3].map(String.init)) }) { $1 }
        #expect(places["holdfast"] == ["0.0000", "96", "25.0000"])
        #expect(places["loop 1 (102)"] == ["25.0000", "96", "50.0000"])
        #expect(places["loop 1 (103)"] == ["75.0000", "96", "25.0000"])
        #expect(places["[unknown] libc.so.6"] == ["50.0000", "132", "25.0000"])
    }

    @Test func `frames that can't be seen are left out, and it says how many`() throws {
        var text = ""
        for _ in 0..<6_000 { text += "a 7 12.5: cycles:\n  1f0 f (/bin/x)\n\n" }
        text += "b 8 12.5: cycles:\n  1f0 g (/bin/x)\n\n"
        let svg = FlameDrawing(title: "t", subtitle: "6,001 samples", tree: try Self.tree(text)).svg
        #expect(svg.contains("6,001 samples; 1 narrower than 1 of 5000 are left out"))
        #expect(svg.contains("<title>f: 6000 samples") && !svg.contains("<title>b:"))
    }

    @Test func `a function is the same one, specialised or not`() {
        #expect(SymbolNames.shortened("generic specialization <Swift.Array<Swift.Int -> ()>> of a.f(x:)") == "a.f(x:)")
        #expect(SymbolNames.shortened("specialized Gateway.drain()") == "Gateway.drain()")
        #expect(SymbolNames.shortened("generic specialization <unfinished") == "generic specialization <unfinished")
    }

    @Test func `without the demangler a symbol is its words`() {
        #expect(SymbolNames.words(of: "$s12HoldfastCore7GatewayV5drainyyF") == "HoldfastCore.Gateway.drain")
        // A word that refers to an earlier one is left out, and nothing traps.
        #expect(SymbolNames.words(of: "$s4main3fooV0B0Sgz99x") == "main.foo")
        #expect(SymbolNames.words(of: "$sSiz") == "$sSiz")
        #expect(SymbolNames.words(of: "$s99999999999999999999x") == "$s99999999999999999999x")
    }

    @Test func `who may not watch is told the setting and the command`() throws {
        let error = #expect(throws: LoadError.self) { try Profiler.check(paranoid: 3, isRoot: false) }
        #expect(error?.description.contains("perf_event_paranoid is 3") == true && error?.description.contains("sysctl") == true)
        try Profiler.check(paranoid: 3, isRoot: true)
        try Profiler.check(paranoid: 2, isRoot: false)
        try Profiler.check(paranoid: nil, isRoot: false)
    }
}
