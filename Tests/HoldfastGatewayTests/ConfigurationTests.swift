import Foundation
import HoldfastCore
import HoldfastIO
import HoldfastTestSupport
import Testing

@testable import HoldfastGateway

@Suite struct ConfigurationTests {
    @Test func `the defaults are a good configuration`() throws {
        try Configuration().check(source: "defaults")
        #expect(try Configuration(yaml: "", source: "f").listen == ["127.0.0.1:7400"])
        #expect(try Configuration(yaml: "# nothing\n", source: "f").heartbeatSecondsMax == 300)
    }

    @Test func `keys are read, numbers, flags, lists and words`() throws {
        let configuration = try Configuration(
            yaml: """
                data: /var/lib/holdfast
                listen: ["127.0.0.1:1", "[::1]:2"]
                tlsListen: 0.0.0.0:443
                heartbeatSecondsMax: 240
                inboxBytesMax: 1_000_000
                inboxPolicy: evictWithGap
                tlsVersionMin: "1.2"
                allowPlaintext: true
                proxyProtocolFrom: [10.0.0.0/8]
                """, source: "f")
        #expect(configuration.data == "/var/lib/holdfast")
        #expect(configuration.listen == ["127.0.0.1:1", "[::1]:2"])
        #expect(configuration.tlsListen == ["0.0.0.0:443"])
        #expect(configuration.heartbeatSecondsMax == 240)
        #expect(configuration.inboxBytesMax == 1_000_000)
        #expect(configuration.inboxPolicy == .evictWithGap)
        #expect(configuration.tlsVersionMin == .tls12)
        #expect(configuration.allowPlaintext)
    }

    /// Each: the text, the key that the error names, a piece of its problem.
    @Test(arguments: [
        ("heartbeatSecondsMaximum: 5", "heartbeatSecondsMaximum", "no such key"),
        ("zebra: 5", "zebra", "no such key"),
        ("heartbeatSecondsMax: soon", "heartbeatSecondsMax", "not a whole number"),
        ("heartbeatSecondsMax: 1.5", "heartbeatSecondsMax", "not a whole number"),
        ("heartbeatSecondsMax: 0", "heartbeatSecondsMax", "not in 1...86400"),
        ("heartbeatSecondsMax: 99999999999999999999", "heartbeatSecondsMax", "not a whole number"),
        ("heartbeatSecondsMax: [1, 2]", "heartbeatSecondsMax", "takes one value"),
        ("heartbeatSecondsMax: {a: b}", "heartbeatSecondsMax", "takes a value"),
        ("allowPlaintext: maybe", "allowPlaintext", "not true or false"),
        ("inboxPolicy: dropAll", "inboxPolicy", "none of refuseSender, evictWithGap"),
        ("tlsVersionMin: \"1.1\"", "tlsVersionMin", "none of 1.3, 1.2"),
        ("listen: nowhere", "listen", "has no port"),
        ("listen: 0.0.0.0:7400", "listen", "not loopback"),
        ("listen: '[::]:7400'", "listen", "not loopback"),
        ("{listen: [], tlsListen: []}", "listen", "no listener"),
        ("proxyProtocolFrom: [10.0.0.0/99]", "proxyProtocolFrom", "not an address"),
        ("{heartbeatSecondsMin: 100, heartbeatSecondsMax: 50}", "heartbeatSecondsMin", "above heartbeatSecondsMax"),
        ("paceSecondsMax: 500", "paceSecondsMax", "below three times"),
        ("bodyBytesMax: 65536", "bodyBytesMax", "above frameBytesMax - 64"),
        ("unsentBytesMax: 65536", "unsentBytesMax", "below four times"),
        ("{frameBytesMax: 1000000, unsentBytesMax: 9000000, commandBytesPerLoopMax: 1048576}", "commandBytesPerLoopMax", "below four"),
        ("{checkpointEntries: 1000, checkpointEntriesMax: 2000, tlsKey: k}", "tlsCertificate", "is empty while"),
        ("{checkpointEntries: 900000, checkpointEntriesMax: 1000000}", "checkpointEntriesMax", "below twice"),
        ("cachedUsersMax: many", "cachedUsersMax", "not a whole number"),
        ("cachedUsersMax: 999", "cachedUsersMax", "not in auto, 1000...100000000"),
        ("loops: auto", "loops", "not a whole number"),
        ("goAwayAddress: example.invalid", "goAwayAddress", "has no port"),
        ("goAwayAddress: 'gateway:0'", "goAwayAddress", "port 0"),
        ("logUsers: some", "logUsers", "none of none, hash, name"),
        ("controlListen: nowhere", "controlListen", "has no port"),
        ("metricsListen: 'a:b'", "metricsListen", "is not ADDRESS:PORT"),
        ("{data: /d, controlSocket: DATA/\(String(repeating: "s", count: 105))}", "controlSocket", "has 108 bytes"),
        ("{controlListen: '', controlClientCA: ca.pem}", "controlClientCA", "without controlListen"),
        ("controlNames: ['http://gateway']", "controlNames", "not a host name"),
        ("controlRequestsMax: 0", "controlRequestsMax", "not in 1"),
        ("[1, 2]", "", "not a list of keys"),
        ("just words", "", "not a list of keys"),
        ("a: b: c", "", "not valid YAML"),
        ("data: a\ndata: b", "", "not valid YAML"),
        ("? [a]\n: b", "", "a key is not a word"),
    ])
    func `a wrong file is told with key and reason`(_ yaml: String, _ key: String, _ problem: String) {
        do throws(ConfigurationError) {
            _ = try Configuration(yaml: yaml, source: "holdfast.yaml")
            Issue.record("was taken")
        } catch {
            #expect(error.source == "holdfast.yaml")
            #expect(error.key == key)
            #expect(error.problem.contains(problem))
            #expect(!error.advice.isEmpty)
            #expect(error.description.hasPrefix("holdfast.yaml: "))
        }
    }

    @Test func `all that is wrong is told at once`() {
        let error = #expect(throws: ConfigurationError.self) {
            try Configuration(yaml: "{loops: many, lisen: a, heartbeatSecondsMin: 90, heartbeatSecondsMax: 60, tlsKey: k}", source: "f")
        }
        #expect(error?.description.split(separator: "\n").count == 4)
        #expect(error.map { [$0.key] + $0.others.map(\.key) } == ["loops", "lisen", "heartbeatSecondsMin", "tlsCertificate"])
    }

    @Test func `a misspelt key is answered with the likely one`() {
        #expect(throws: ConfigurationError.self) { try Configuration(yaml: "heartbeatSecondsMaximum: 5", source: "f") }
        do throws(ConfigurationError) {
            _ = try Configuration(yaml: "heartbeatsecondsmax: 5", source: "f")
        } catch {
            #expect(error.advice.contains("heartbeatSecondsMax"))
        }
    }

    // REQ-SEC-2
    @Test func `plaintext beyond loopback takes a word of its own`() throws {
        #expect(try Configuration(yaml: "{listen: '0.0.0.0:7400', allowPlaintext: true}", source: "f").listen == ["0.0.0.0:7400"])
    }

    @Test func `the control socket lies in the data directory unless it is named, and TLS begins beyond loopback`() throws {
        var configuration = try Configuration(yaml: "data: /var/lib/holdfast", source: "f")
        #expect(configuration.controlSocketPath == "/var/lib/holdfast/control.sock")
        configuration.controlSocket = "/run/holdfast.sock"
        #expect(configuration.controlSocketPath == "/run/holdfast.sock")
        configuration.controlSocket = ""
        #expect(configuration.controlSocketPath == nil)
        #expect(!configuration.controlUsesTLS)
        configuration.controlListen = "[::]:7480"
        #expect(configuration.controlUsesTLS)
        configuration.controlListen = "[::1]:7480"
        #expect(!configuration.controlUsesTLS)
        configuration.controlClientCA = "ca.pem"
        #expect(configuration.controlUsesTLS)
        configuration.controlListen = ""
        #expect(!configuration.controlUsesTLS)
    }

    @Test func `every key is documented once, and writes what it reads`() throws {
        let names = ConfigurationKey.all.map(\.name)
        #expect(Set(names).count == names.count)
        let defaults = Configuration()
        for key in ConfigurationKey.all {
            #expect(key.summary.hasSuffix("."))
            #expect(!key.allowedText.isEmpty)
            let written = try Configuration(yaml: "\(key.name): \(key.text(in: defaults))", source: "f")
            #expect(key.text(in: written) == key.text(in: defaults))
        }
    }

    @Test func `README has the table of the keys as it is`() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let readme = try String(contentsOf: root.appendingPathComponent("README.md"), encoding: .utf8)
        for line in ConfigurationKey.markdownTable.split(separator: "\n") {
            #expect(readme.contains(line), "README's configuration table needs this line: \(line)")
        }
    }

    @Test func `no text makes the parser trap`() {
        let pieces = [
            "listen", "heartbeatSecondsMax", "data", ": ", ":", "- ", "[", "]", "{", "}", ",", "\n", "  ", "\"", "'", "&a ", "*a", "!!int ",
            "1", "-9",
            "1e9", "true", "~", "|", ">", "#", "? ", "\u{0}", "é", "127.0.0.1:0", "%YAML 1.1\n", "---\n", "...\n", "<<: ",
        ]
        var generator = SeededRandom(seed: 2026)
        var takenCount = 0
        for _ in 0..<20_000 {
            var text = ""
            for _ in 0..<Int.random(in: 0...12, using: &generator) { text += pieces.randomElement(using: &generator) ?? "" }
            do throws(ConfigurationError) {
                _ = try Configuration(yaml: text, source: "f")
                takenCount += 1
            } catch {
                #expect(!error.problem.isEmpty)
            }
        }
        // The harness reaches both sides.
        #expect(takenCount > 0)
    }

    @Test func `every property of the configuration has its key`() {
        let names = Set(ConfigurationKey.all.map(\.name))
        for child in Mirror(reflecting: Configuration()).children { #expect(names.contains(child.label ?? "")) }
    }

    @Test func `a file that isn't there or isn't text is told`() throws {
        let folder = try TemporaryFolder()
        #expect(throws: ConfigurationError.self) { try Configuration(file: folder.path + "/missing.yaml") }
        let path = folder.path + "/binary.yaml"
        try Data([0xFF, 0xFE, 0x00]).write(to: URL(fileURLWithPath: path))
        #expect(throws: ConfigurationError.self) { try Configuration(file: path) }
        try Data("loops: 3\n".utf8).write(to: URL(fileURLWithPath: path))
        #expect(try Configuration(file: path).loops == 3)
    }
}
