import Foundation
import Testing

/// The rules of the source tree that a script can see.
@Suite struct TidyTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// Which modules of the project a module may import: the direction of the arrows. Nothing else stands in it.
    private static let arrows: [String: Set<String>] = [
        "HoldfastWire": [],
        "HoldfastSystem": ["CLinux"],
        "HoldfastCore": ["HoldfastWire"],
        "HoldfastConnection": ["HoldfastCore", "HoldfastWire"],
        "HoldfastTestSupport": ["HoldfastCore", "HoldfastWire"],
        "HoldfastStorage": ["CLMDB", "CLMDBProcess", "CLinux", "HoldfastCore", "HoldfastSystem", "HoldfastWire"],
        "HoldfastIO": ["CLinux", "COpenSSL", "HoldfastSystem"],
        "HoldfastGateway": ["HoldfastWire", "HoldfastCore", "HoldfastConnection", "HoldfastStorage", "HoldfastIO"],
        "HoldfastControl": ["HoldfastWire", "HoldfastCore", "HoldfastIO", "HoldfastGateway"],
        "HoldfastClient": ["HoldfastWire"],
        "HoldfastClientTransport": ["HoldfastClient", "HoldfastIO"],
        "HoldfastSimulator": ["HoldfastConnection", "HoldfastCore", "HoldfastClient", "HoldfastTestSupport", "HoldfastWire"],
        "holdfast": [
            "HoldfastControl", "HoldfastGateway", "HoldfastClient", "HoldfastClientTransport", "HoldfastStorage", "HoldfastCore",
            "HoldfastWire", "HoldfastIO", "HoldfastSystem",
        ],
    ]

    /// What the pure modules may import of the world. The client's parts of the C library and Dispatch come with Foundation.
    private static let pureImports: [String: Set<String>] = [
        "HoldfastWire": [], "HoldfastCore": ["Synchronization"], "HoldfastConnection": ["Synchronization"],
        "HoldfastClient": ["Foundation", "Dispatch", "Darwin", "Glibc", "Musl", "Synchronization"],
    ]

    private static func files(under folder: String, suffix: String = ".swift") -> [URL] {
        let base = root.appending(path: folder)
        guard let walker = FileManager.default.enumerator(at: base, includingPropertiesForKeys: nil) else { return [] }
        return walker.compactMap { $0 as? URL }.filter { $0.path.hasSuffix(suffix) && !$0.path.contains("/.build") }
            .sorted { $0.path < $1.path }
    }

    private static func text(_ file: URL) throws -> String { try String(contentsOf: file, encoding: .utf8) }

    private static func imports(of file: URL) throws -> [String] {
        try text(file).split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ")
            guard let index = words.firstIndex(of: "import"), index <= 2, words[..<index].allSatisfy({ $0 != "//" && !$0.hasPrefix("///") })
            else { return nil }
            return words.last.map { String($0.split(separator: ".")[0]) }
        }
    }

    @Test func `imports follow the arrows`() throws {
        for (module, allowed) in Self.arrows {
            let sources = Self.files(under: "Sources/\(module)")
            #expect(!sources.isEmpty, "no sources under Sources/\(module)")
            for file in sources {
                for name in try Self.imports(of: file) where Self.arrows[name] != nil || name.hasPrefix("C") {
                    let isOurs = Self.arrows[name] != nil || ["CLMDB", "CLMDBProcess", "COpenSSL", "CLinux"].contains(name)
                    #expect(!isOurs || allowed.contains(name), "\(file.lastPathComponent) of \(module) imports \(name)")
                }
                if let world = Self.pureImports[module] {
                    for name in try Self.imports(of: file) where Self.arrows[name] == nil {
                        #expect(world.contains(name), "\(file.lastPathComponent) of the pure module \(module) imports \(name)")
                    }
                }
            }
        }
    }

    @Test func `sources print nothing but in the command line, and leave nothing for later`() throws {
        let later = ["FIX" + "ME", "TO" + "DO", "XX" + "X:"]
        for file in Self.files(under: "Sources") + Self.files(under: "LoadTests") + Self.files(under: "Tests") {
            let text = try Self.text(file)
            for word in later { #expect(!text.contains(word), "\(word) in \(file.path)") }
            if file.path.contains("/Sources/Holdfast") {
                #expect(!text.contains(" print("), "print in \(file.lastPathComponent)")
            }
        }
    }

    @Test func `files stay short enough to be read`() throws {
        for file in Self.files(under: "Sources") {
            let lines = try Self.text(file).split(separator: "\n", omittingEmptySubsequences: false).count
            #expect(lines <= 500, "\(file.lastPathComponent) has \(lines) lines")
        }
    }

    @Test func `links of the documents resolve`() throws {
        let documents =
            [Self.root.appending(path: "README.md")] + Self.files(under: "Protocol", suffix: ".md")
            + Self.files(under: "LoadTests", suffix: ".md") + Self.files(under: "Sources", suffix: ".md")
        let link = /\]\(([^)#]+)(?:#[^)]*)?\)/
        for document in documents {
            for match in try Self.text(document).matches(of: link) {
                let target = String(match.1)
                if target.contains("://") { continue }
                let path = document.deletingLastPathComponent().appending(path: target).path
                #expect(FileManager.default.fileExists(atPath: path), "\(document.lastPathComponent) links to \(target)")
            }
        }
    }

    @Test func `requirement ids that sources and tests cite are in the specification`() throws {
        let id = /REQ-[A-Z]+-[0-9]+/
        let specification = try Self.text(Self.root.appending(path: "Protocol/SPEC.md"))
        let known = Set(specification.matches(of: id).map { String($0.0) })
        #expect(known.count > 50)
        for file in Self.files(under: "Sources") + Self.files(under: "Tests") where !file.path.contains("TidyTests") {
            for match in try Self.text(file).matches(of: id) {
                #expect(known.contains(String(match.0)), "\(file.lastPathComponent) cites \(match.0), which SPEC.md doesn't have")
            }
        }
    }

    @Test func `every requirement of the specification is cited where it is met or tested`() throws {
        let specification = try Self.text(Self.root.appending(path: "Protocol/SPEC.md"))
        let stated = Set(specification.matches(of: /\*\*(REQ-[A-Z]+-[0-9]+)/).map { String($0.1) })
        var cited: Set<String> = []
        let files = Self.files(under: "Sources") + Self.files(under: "Tests") + Self.files(under: "Protocol/vectors", suffix: ".json")
        for file in files { cited.formUnion(try Self.text(file).matches(of: /REQ-[A-Z]+-[0-9]+/).map { String($0.0) }) }
        #expect(stated.subtracting(cited).sorted() == [])
    }

    @Test func `no module that imports Foundation looks into the system's stat itself`() throws {
        for folder in ["Sources", "Tests", "LoadTests"] {
            let modules = Dictionary(grouping: Self.files(under: folder)) {
                $0.path.dropFirst(Self.root.path.count + 1).split(separator: "/")[1]
            }
            for (module, files) in modules where try files.contains(where: { try Self.imports(of: $0).contains("Foundation") }) {
                for file in files {
                    let asks = try Self.text(file).contains(/\bstat\(\)/)
                    #expect(
                        !asks,
                        "\(file.lastPathComponent) of \(module) asks for a stat of its own, which a clean build may refuse: FileFacts has it"
                    )
                }
            }
        }
    }

    @Test func `the suites that README names exist`() throws {
        let names = try Self.text(Self.root.appending(path: "README.md")).matches(of: /`([A-Za-z]+Tests)`/).map { String($0.1) }
        let files = Set((Self.files(under: "Tests") + Self.files(under: "LoadTests")).map { $0.deletingPathExtension().lastPathComponent })
        #expect(names.count > 10)
        for name in names { #expect(files.contains(name), "README names \(name)") }
    }

    @Test func `the top level holds what it should and nothing else`() throws {
        let allowed: Set<String> = ["Package.swift", "Sources", "Tests", "README.md", "Protocol", "LoadTests", "Package.resolved"]
        for name in try FileManager.default.contentsOfDirectory(atPath: Self.root.path) where !name.hasPrefix(".") {
            #expect(allowed.contains(name) || name.hasPrefix("holdfast-data"), "\(name) stands at the top level")
        }
    }
}
