internal import Foundation
internal import HoldfastClient
internal import HoldfastIO

/// What `send` sends.
enum MessageSource: Sendable {
    /// One message.
    case single([UInt8])
    /// Each line of a descriptor, with how many bytes there are where that is known.
    case lines(descriptor: Int32, bytes: UInt64?)

    /// Each line of standard input.
    static var standardInput: MessageSource {
        // It may have been read in part by whoever had it before.
        let bytes = FileIdentity(descriptor: STDIN_FILENO)?.regularBytes.map { UInt64(max(0, $0 - Int(lseek(STDIN_FILENO, 0, SEEK_CUR)))) }
        return .lines(descriptor: STDIN_FILENO, bytes: bytes)
    }

    /// How many bytes the input has, where that is known.
    var inputBytes: UInt64? {
        if case .lines(_, let bytes) = self { return bytes }
        return nil
    }

    /// The longest body that any gateway can be configured to take; the gateway itself says what it takes.
    static let bodyBytesMax = 1 << 21 - 1

    /// The whole of a file.
    static func file(_ path: String) throws(CommandFailure) -> MessageSource {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw CommandFailure("--file: \(path) can't be read.", exitCode: CommandFailure.file)
        }
        return .single(try checked([UInt8](data), "--file: \(path)"))
    }

    /// A text.
    static func text(_ text: String) throws(CommandFailure) -> MessageSource { .single(try checked(Array(text.utf8), "--text")) }

    private static func checked(_ body: [UInt8], _ name: String) throws(CommandFailure) -> [UInt8] {
        guard body.count <= bodyBytesMax else {
            throw CommandFailure(
                "\(name) has \(body.count) bytes; a message has at most \(bodyBytesMax). Send it in parts, or where it is.",
                exitCode: CommandFailure.usage)
        }
        return body
    }
}
