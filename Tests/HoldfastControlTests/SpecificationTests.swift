import Foundation
import HTTPTypes
import HoldfastGateway
import Testing
import Yams

@testable import HoldfastControl

/// `Protocol/openapi.yaml` is what the code does.
@Suite struct SpecificationTests {
    private let document: [String: Any]

    init() throws {
        document = try #require(try Yams.load(yaml: String(decoding: SpecificationDocument.bytes, as: UTF8.self)) as? [String: Any])
    }

    /// By their names.
    var schemas: [String: [String: Any]] { member(document["components"], "schemas").compactMapValues { $0 as? [String: Any] } }

    private func member(_ value: Any?, _ name: String) -> [String: Any] { (value as? [String: Any])?[name] as? [String: Any] ?? [:] }

    @Test func `the file is the one that is served`() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        #expect(try Data(contentsOf: root.appendingPathComponent("Protocol/openapi.yaml")) == Data(SpecificationDocument.bytes))
        #expect(document["openapi"] as? String == "3.1.0")
        #expect(member(document, "info")["version"] as? String == SpecificationDocument.version)
    }

    @Test func `it has every operation with its answers, and no other`() throws {
        var found: Set<String> = []
        for (path, item) in member(document, "paths") {
            for (method, value) in try #require(item as? [String: Any]) {
                let operation = try #require(value as? [String: Any])
                let id = try #require(operation["operationId"] as? String)
                let known = try #require(Operation(rawValue: id), "\(id) isn't in the code")
                found.insert(id)
                #expect(known.facts.path == path)
                #expect(known.facts.method.rawValue == method.uppercased())
                #expect(operation["x-scope"] as? String == known.facts.scope?.claim)
                #expect((operation["security"] != nil) == (known.facts.scope == nil), "\(id): who may call it")
                let answers = Set(member(operation, "responses").keys)
                let wanted = Set(known.problems.map { String($0.status) }).union([String(known.facts.success)])
                #expect(answers == wanted, "\(id): \(answers.symmetricDifference(wanted).sorted())")
                let bodies = member(member(operation, "requestBody"), "content").keys.sorted()
                #expect(bodies == (known.facts.contentType.map { [$0] } ?? []), "\(id): content types")
                let parameters = (operation["parameters"] as? [[String: Any]] ?? []).map { resolved($0) }
                let query = parameters.filter { $0["in"] as? String == "query" }.compactMap { $0["name"] as? String }
                #expect(query.sorted() == known.facts.query.sorted(), "\(id): parameters of the query")
                let inPath = parameters.filter { $0["in"] as? String == "path" }.compactMap { $0["name"] as? String }
                #expect(inPath.sorted() == path.matches(of: /\{(\w+)\}/).map { String($0.1) }.sorted(), "\(id): parameters of the path")
            }
        }
        #expect(found == Set(Operation.allCases.map(\.rawValue)))
    }

    @Test func `it has every problem as the catalogue has it`() throws {
        let problems = member(document, "x-problems")
        #expect(Set(problems.keys) == Set(ProblemKind.allCases.map(\.rawValue)))
        for kind in ProblemKind.allCases {
            let entry = member(problems, kind.rawValue)
            #expect(entry["status"] as? Int == kind.status)
            #expect(entry["title"] as? String == kind.title)
            #expect(entry["action"] as? String == kind.action)
        }
    }

    @Test func `every problem can be met`() {
        let met = Operation.allCases.reduce(into: Set([ProblemKind.noSuchPath, .methodNotAllowed])) { $0.formUnion($1.problems) }
        #expect(Set(ProblemKind.allCases).subtracting(met).map(\.rawValue).sorted() == [])
    }

    @Test func `all references lead somewhere, and objects are closed`() throws {
        var references: Set<String> = []
        func walk(_ value: Any, _ path: String) {
            if let list = value as? [Any] {
                for (index, element) in list.enumerated() { walk(element, "\(path)/\(index)") }
            } else if let object = value as? [String: Any] {
                if let reference = object["$ref"] as? String { references.insert(reference) }
                if object["type"] as? String == "object" {
                    #expect(object["additionalProperties"] as? Bool == false, "\(path) is open")
                    let required = Set(object["required"] as? [String] ?? [])
                    #expect(required.isSubset(of: Set((object["properties"] as? [String: Any] ?? [:]).keys)), "\(path)")
                }
                for (name, element) in object { walk(element, "\(path)/\(name)") }
            }
        }
        walk(document, "")
        for reference in references { #expect(!target(reference).isEmpty, "\(reference) leads nowhere") }
    }

    private func target(_ reference: String) -> [String: Any] {
        reference.split(separator: "/").dropFirst().reduce(document) { member($0, String($1)) }
    }

    private func resolved(_ value: [String: Any]) -> [String: Any] { (value["$ref"] as? String).map(target) ?? value }
}
