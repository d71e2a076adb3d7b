import HTTPTypes
import Testing

@testable import HoldfastControl

@Suite struct RoutesTests {
    @Test func `names in paths are decoded, and stay one name`() {
        for (text, name) in [
            ("a%2Fb", "a/b"), ("%2E%2E", ".."), ("..", ".."), ("100%25", "100%"), ("%E6%B1%89%E5%AD%97", "汉字"), ("汉字", "汉字"),
            ("a+b", "a+b"),
            ("", ""), ("%3F%23", "?#"),
        ] { #expect(Routes.decoded(Substring(text)) == name) }
        for bad in ["%", "%4", "%zz", "%C3", "%ED%A0%80", "a%FF"] { #expect(Routes.decoded(Substring(bad)) == nil) }
    }

    @Test func `every operation is found by its path, and by no other`() throws {
        let routes = Routes()
        for operation in Operation.allCases {
            let facts = operation.facts
            let path = facts.path.replacing(/\{\w+\}/, with: "%2F%25")
            let match = try routes.match(facts.method, path)
            #expect(match.operation == operation)
            for value in match.parameters.values { #expect(value == "/%") }
            for wrong in ["/" + path, path + "/x/y/z", path + "!/", path.uppercased() + "/!"] {
                let problem = #expect(throws: Problem.self) { try routes.match(facts.method, wrong) }
                #expect(problem?.kind == .noSuchPath || problem?.kind == .methodNotAllowed, "\(wrong)")
            }
        }
    }

    @Test func `a query has only its operation's parameters`() throws {
        let routes = Routes()
        #expect(try routes.match(.get, "/healthz?").query == [:])
        for query in ["a=1", "%zz=1", "=", "a"] {
            #expect(throws: Problem.self) { try routes.match(.get, "/healthz?" + query) }
        }
        for path in ["", "*", "http://localhost/healthz", "healthz"] {
            let problem = #expect(throws: Problem.self) { try routes.match(.get, path) }
            #expect(problem?.kind == .malformedRequest)
        }
    }
}
