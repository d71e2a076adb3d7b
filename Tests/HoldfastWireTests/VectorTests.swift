import Foundation
import HoldfastWire
import Testing

private struct FrameVectors: Decodable {
    struct Frame: Decodable, CustomTestStringConvertible {
        var name: String
        var direction: String
        var kind: String?
        var hex: String
        var fields: Field
        var readOnly: Bool?
        var testDescription: String { name }
    }
    var preface: String
    var frames: [Frame]
}

private struct MalformedVectors: Decodable {
    struct Frame: Decodable {
        var name: String
        var direction: String
        var hex: String
        var error: String
        var code: UInt16
    }
    var frames: [Frame]
}

/// Decodes the one frame of `bytes` and writes it again; nil for a skipped one.
private func reencoded(_ bytes: [UInt8], direction: String) throws -> [UInt8]? {
    if direction == "client" {
        guard let decoded = try ClientFrame.decode(bytes.span, at: 0, limits: .standard) else { throw VectorError("not whole") }
        #expect(decoded.byteCount == bytes.count)
        return decoded.frame?.encoded(from: bytes)
    }
    guard let decoded = try ServerFrame.decode(bytes.span, at: 0, limits: .standard) else { throw VectorError("not whole") }
    #expect(decoded.byteCount == bytes.count)
    return try decoded.frame?.encoded(from: bytes)
}

private func isUnfinished(_ bytes: [UInt8], direction: String) throws -> Bool {
    if direction == "client" { return try ClientFrame.decode(bytes.span, at: 0, limits: .standard) == nil }
    return try ServerFrame.decode(bytes.span, at: 0, limits: .standard) == nil
}

private func checkPreface(_ bytes: [UInt8], at offset: Int = 0) throws -> Bool {
    try Preface.check(bytes.span, at: offset)
}

/// What a decoder says of `bytes`: the code it fails with, or nil. The entries of a DELIVER count.
private func failure(of bytes: [UInt8], direction: String) -> CloseCode? {
    do throws(CloseCode) {
        if direction == "client" {
            _ = try ClientFrame.decode(bytes.span, at: 0, limits: .standard)
        } else if case .deliver(let deliver)? = try ServerFrame.decode(bytes.span, at: 0, limits: .standard)?.frame {
            var entries = DeliverEntries(deliver)
            while try entries.next(in: bytes.span) != nil {}
        }
        return nil
    } catch {
        return error
    }
}

/// Protocol/vectors/ against the codec, in both directions (REQ-ENC-1 to REQ-ENC-8, REQ-FRAME-1 to REQ-FRAME-8).
@Suite struct VectorTests {
    @Test func `every golden frame is written byte for byte from its fields`() throws {
        for frame in try ProtocolFolder.json("frames.json", as: FrameVectors.self).frames where frame.readOnly != true {
            let kind = try #require(frame.kind)
            #expect(try VectorEncoding.encode(kind, frame.fields).hex == frame.hex, "\(frame.name)")
        }
    }

    @Test func `every golden frame is read, and written back as its fields say`() throws {
        for frame in try ProtocolFolder.json("frames.json", as: FrameVectors.self).frames {
            let again = try reencoded(try frame.hex.bytesOfHex(), direction: frame.direction)
            let expected = try frame.kind.map { try VectorEncoding.encode($0, frame.fields) }
            #expect(again?.hex == expected?.hex, "\(frame.name)")
        }
    }

    @Test func `the vectors have every kind of frame, and every value of each enumeration`() throws {
        let frames = try ProtocolFolder.json("frames.json", as: FrameVectors.self).frames
        let seen = Set(try frames.map { "\($0.direction) \(try $0.hex.bytesOfHex()[0])" })
        for kind in UInt8.min...UInt8.max {
            if FrameKind.isKnownToGateway(kind), MessageKind(rawValue: kind & 15) != nil || kind & 0xF0 != FrameKind.send {
                #expect(seen.contains("client \(kind)"))
            }
            if FrameKind.isKnownToClient(kind) { #expect(seen.contains("server \(kind)")) }
        }
        let outcomes = try frames.filter { $0.kind == "WELCOME" }.map { try $0.fields["outcome"].text() }
        #expect(Set(outcomes) == Set(WelcomeOutcome.allCases.map { "\($0)" }))
        let reasons = try frames.filter { $0.kind == "GAP" }.map { try $0.fields["reason"].text() }
        #expect(Set(reasons) == Set(GapReason.allCases.map { "\($0)" }))
        let statuses = try frames.filter { $0.kind == "ANSWER" }.map { try $0.fields["status"].text() }
        #expect(Set(statuses) == Set(AnswerStatus.allCases.map { "\($0)" }))
        let types = try frames.filter { $0.kind == "CONVERSATION" }.map { try $0.fields["type"].text() }
        #expect(Set(types) == Set(ConversationType.allCases.map { "\($0)" }))
    }

    @Test func `no part of a golden frame is taken for a whole one, and none is an error`() throws {
        for frame in try ProtocolFolder.json("frames.json", as: FrameVectors.self).frames {
            let bytes = try frame.hex.bytesOfHex()
            for count in 0..<bytes.count {
                let part = Array(bytes[..<count])
                #expect(try isUnfinished(part, direction: frame.direction), "\(frame.name) cut at \(count)")
            }
        }
    }

    @Test func `every malformed frame gets its code`() throws {
        for frame in try ProtocolFolder.json("malformed.json", as: MalformedVectors.self).frames {
            let code = failure(of: try frame.hex.bytesOfHex(), direction: frame.direction)
            #expect(code.map { "\($0)" } == frame.error, "\(frame.name)")
            #expect(code?.rawValue == frame.code, "\(frame.name)")
        }
    }

    @Test func `a malformed frame says nothing but its code however it is cut`() throws {
        for frame in try ProtocolFolder.json("malformed.json", as: MalformedVectors.self).frames {
            let bytes = try frame.hex.bytesOfHex()
            for count in 0..<bytes.count {
                let code = failure(of: Array(bytes[..<count]), direction: frame.direction)
                #expect(code == nil || code.map { "\($0)" } == frame.error, "\(frame.name) cut at \(count)")
            }
        }
    }

    @Test func `the preface is checked byte by byte`() throws {
        var bytes: [UInt8] = []
        Preface.append(to: &bytes)
        #expect(bytes.hex == (try ProtocolFolder.json("frames.json", as: FrameVectors.self).preface))
        for count in 0..<bytes.count {
            #expect(try checkPreface(Array(bytes[..<count])) == false)
            let wrong = bytes[..<count] + [bytes[count] ^ 1]
            #expect(throws: CloseCode.badPreface) { try checkPreface(Array(wrong)) }
        }
        #expect(try checkPreface([0] + bytes + [1], at: 1))
    }
}
