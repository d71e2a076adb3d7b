import Foundation
import HoldfastWire
import Testing

private struct Exchange: Decodable {
    struct Step: Decodable {
        var from: String?
        var event: String?
        var kind: String?
        var hex: String?
        var fields: Field?
        var raw: Bool?
        var connection: String?
        /// What the client has stored after the event.
        var client: Field?
        var meaning: String
    }
    var name: String
    var requirements: [String]
    var steps: [Step]
}

/// Protocol/vectors/exchanges/: every step is a frame of its direction, and the rules that bytes alone can show are kept.
@Suite struct ExchangeTests {
    private func exchanges() throws -> [Exchange] {
        let folder = ProtocolFolder.url.appending(path: "vectors/exchanges")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".json") }.sorted()
        return try names.map { name in
            let exchange = try ProtocolFolder.json("exchanges/\(name)", as: Exchange.self)
            #expect(exchange.name + ".json" == name)
            return exchange
        }
    }

    @Test func `every step is written byte for byte from its fields`() throws {
        let exchanges = try exchanges()
        #expect(exchanges.count >= 20)
        for exchange in exchanges {
            for step in exchange.steps where step.event == nil && step.raw != true {
                let kind = try #require(step.kind)
                let bytes = try VectorEncoding.encode(kind, try #require(step.fields))
                #expect(bytes.hex == step.hex, "\(exchange.name): \(step.meaning)")
                #expect((step.from == "client") == FrameKind.isKnownToGateway(bytes[0]), "\(exchange.name): \(step.meaning)")
            }
        }
    }

    @Test func `the requirements that an exchange shows are in the specification`() throws {
        let specification = try ProtocolFolder.specification()
        for exchange in try exchanges() {
            #expect(!exchange.requirements.isEmpty)
            for requirement in exchange.requirements { #expect(specification.contains("**\(requirement)**"), "\(exchange.name)") }
        }
    }

    /// REQ-STREAM-4: the chain of predecessors, over all frames of the stream.
    @Test func `each frame of a stream names the end before it`() throws {
        for exchange in try exchanges() {
            var ends: [String?: Position] = [:]
            for step in exchange.steps where step.from == "gateway" {
                let bytes = try #require(step.hex).bytesOfHex()
                guard let decoded = try ServerFrame.decode(bytes.span, at: 0, limits: .standard) else { throw VectorError("not whole") }
                var end = ends[step.connection] ?? .zero
                defer { ends[step.connection] = end }
                switch decoded.frame {
                case .welcome(let welcome): end = welcome.cursor
                case .deliver(let deliver):
                    #expect(deliver.predecessor == ShortPosition(end), "\(exchange.name): \(step.meaning)")
                    for entry in try deliver.readEntries(in: bytes) {
                        end = entry.position.expanded(from: Position(rawValue: end.rawValue + 1))
                    }
                    let last = try #require(try step.fields?["entries"].list().last)
                    #expect(end.rawValue == (try last["position"].integer()), "\(exchange.name): \(step.meaning)")
                case .gap(let gap):
                    #expect(gap.predecessor == ShortPosition(end) && gap.through > end, "\(exchange.name): \(step.meaning)")
                    end = gap.through
                case .skip(let predecessor, let through):
                    #expect(predecessor == ShortPosition(end) && through > end, "\(exchange.name): \(step.meaning)")
                    end = through
                default: break
                }
            }
        }
    }

    /// REQ-ATTACH-3, REQ-SEQ-2: what a client sends, it has stored before, under the attach of the connection.
    @Test func `a client has stored its attach and its outbox before it sends`() throws {
        for exchange in try exchanges() where !exchange.name.hasPrefix("violation") {
            var stored: Field?
            for step in exchange.steps {
                if let state = step.client { stored = state }
                guard let kind = step.kind, kind == "SEND" || kind == "SEND_TO", let fields = step.fields, step.connection != "A" else {
                    continue
                }
                let outbox = try #require(stored)["outbox"].list()
                let number: UInt64 = try fields["sequence"].integer()
                let entry = try #require(try outbox.first { try $0["sequence"].integer() == number }, "\(exchange.name): \(step.meaning)")
                #expect(try entry["body"].text() == (try fields["body"].text()), "\(exchange.name): \(step.meaning)")
            }
        }
    }

    /// REQ-CONV-1, REQ-OPEN-5: a ticket that is shown was stored, and a conversation's number is used only in the era in which it was learned.
    @Test func `a client uses the ticket and the conversations that it has stored`() throws {
        for exchange in try exchanges() where !exchange.name.hasPrefix("violation") {
            var stored: Field?
            var usable: Set<UInt64> = []
            for step in exchange.steps where step.connection != "B" {
                let place: Comment = "\(exchange.name): \(step.meaning)"
                if let state = step.client {
                    let numbers: [UInt64] = try state["conversations"].list().map { try $0["conversation"].integer() }
                    if stored == nil { usable.formUnion(numbers) }
                    #expect(usable.isSuperset(of: numbers), place)
                    stored = state
                }
                guard let kind = step.kind, let fields = step.fields else { continue }
                switch kind {
                case "WELCOME":
                    let era: UInt8 = try fields["era"].integer()
                    if let before: UInt8 = try stored?["era"].integer(), before != era { usable = [] }
                case "CONVERSATION": usable.insert(try fields["conversation"].integer())
                case "RESUME": if let stored { #expect(try stored["ticket"] == (try fields["ticket"]), place) }
                case "SEND": #expect(usable.contains(try fields["conversation"].integer()), place)
                default: break
                }
            }
        }
    }
}
