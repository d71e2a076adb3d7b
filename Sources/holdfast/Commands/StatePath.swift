internal import Foundation
internal import HoldfastClient

/// The directory of `--state`.
enum StatePath {
    /// Makes the directory, with those above it, when it isn't there, durably; only its owner may look into it.
    static func make(_ path: String) throws(CommandFailure) {
        guard !path.isEmpty else { throw CommandFailure("--state is empty; name a directory.", exitCode: CommandFailure.usage) }
        do throws(StateStorageError) {
            try DirectoryStateStorage(path: path).make()
        } catch {
            throw CommandFailure("--state \(path) can't be made: \(error.message).", exitCode: CommandFailure.file)
        }
    }

    /// The device name that belongs to a directory: made up once, and kept in a file there.
    static func deviceName(in path: String) throws(CommandFailure) -> String {
        let file = path + "/device"
        if let data = FileManager.default.contents(atPath: file), !data.isEmpty {
            let name = String(decoding: data, as: UTF8.self).trimmingCharacters(in: .newlines)
            try Names.checkDevice(name, option: file)
            return name
        }
        let name = randomDeviceName()
        do {
            // Whole or not at all: a torn name would be another device.
            try Data((name + "\n").utf8).write(to: URL(fileURLWithPath: file), options: .atomic)
        } catch {
            throw CommandFailure("--state: \(file) can't be written: \(error.localizedDescription)", exitCode: CommandFailure.file)
        }
        return name
    }

    /// A device name that nobody else has.
    static func randomDeviceName() -> String {
        let number = UInt64.random(in: 0...UInt64.max)
        let digits = String(number, radix: 16)
        return "send-" + String(repeating: "0", count: 16 - digits.count) + digits
    }
}
