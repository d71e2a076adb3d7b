import Foundation
import HoldfastWire
import Testing

/// SPEC.md against the sources and the vectors.
@Suite struct SpecificationTests {
    @Test func `every code stands in a table, and no table has another`() throws {
        let text = try ProtocolFolder.specification()
        let rows = text.matches(of: #/\n\| (\d+) \| `([a-z]\w+)` \|/#).map { "\($0.output.1) \($0.output.2)" }
        let close = CloseCode.allCases.map { "\($0.rawValue) \($0)" }
        let refusals = RefusalCode.allCases.map { "\($0.rawValue) \($0)" }
        #expect(rows.sorted() == (close + refusals).sorted())
    }

    @Test func `every example is a golden frame, byte for byte`() throws {
        struct Vectors: Decodable {
            struct Frame: Decodable {
                var name: String
                var hex: String
            }
            var frames: [Frame]
        }
        let frames = try ProtocolFolder.json("frames.json", as: Vectors.self).frames
        let examples = try ProtocolFolder.specification().matches(of: #/\*Example\* `([\w-]+)`[^`]*`([0-9a-f ]+)`/#)
        #expect(examples.count >= 25)
        for example in examples {
            let name = String(example.output.1)
            let frame = try #require(frames.first { $0.name == name }, "\(name)")
            #expect(example.output.2.filter { $0 != " " } == frame.hex, "\(name)")
        }
    }

    @Test func `a requirement is stated once, and what is cited exists`() throws {
        let text = try ProtocolFolder.specification()
        let stated = text.matches(of: #/\*\*(REQ-[A-Z]+-\d+)\*\*/#).map { String($0.output.1) }
        #expect(Set(stated).count == stated.count, "\(Dictionary(grouping: stated) { $0 }.filter { $1.count > 1 }.keys)")
        let cited = Set(text.matches(of: #/REQ-[A-Z]+-\d+/#).map { String($0.output) })
        #expect(cited.subtracting(stated).isEmpty)
        for (file, source) in try sources() {
            let inFile = Set(source.matches(of: #/REQ-[A-Z]+-\d+/#).map { String($0.output) })
            #expect(inFile.subtracting(stated).isEmpty, "\(file)")
        }
    }

    @Test func `the sections that the sources cite exist`() throws {
        let text = try ProtocolFolder.specification()
        let headings = Set(text.matches(of: #/\n##+ (\d+(?:\.\d+)?)/#).map { String($0.output.1) })
        for (file, source) in try sources() {
            for section in source.matches(of: #/\(SPEC (\d+(?:\.\d+)?)/#).map({ String($0.output.1) }) {
                #expect(headings.contains(section), "SPEC \(section) in \(file)")
            }
        }
    }

    private func sources() throws -> [(file: String, text: String)] {
        let folder = ProtocolFolder.url.deletingLastPathComponent().appending(path: "Sources/HoldfastWire").resolvingSymlinksInPath()
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".swift") }
        #expect(!names.isEmpty)
        return try names.map { ($0, try String(contentsOf: folder.appending(path: $0), encoding: .utf8)) }
    }
}
