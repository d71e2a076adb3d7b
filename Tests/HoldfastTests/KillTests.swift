import Foundation
import HoldfastTestSupport
import TestTraits
import Testing

/// Everything is killed with -9 at moments that a seed chooses; the file has the same lines, once each, in order.
@Suite(.takesTurns, .timeLimit(.minutes(10))) struct KillTests {
    private static let lineCount = 12_000

    @Test(arguments: [UInt64(1), 2]) func `lines survive kills of gateway, sender and receiver`(seed: UInt64) async throws {
        let directory = try TemporaryDirectory()
        let gateway = try await GatewayProcess(in: directory)
        let options = await gateway.options
        var random = SeededRandom(seed: seed)
        let lines = (1...Self.lineCount).map { number in
            "line \(number) " + String(repeating: "\u{4F60}x\"\\", count: Int(random.next() % 12))
        }
        try directory.write(lines.joined(separator: "\n").utf8, to: "input")

        let send = ["send", "--as", "alice", "--to", "bob", "--lines", "--state", directory.path("sender"), "--timeout", "60"] + options
        let sendKills = try await runToEnd(send, in: directory, input: directory.path("input"), gateway, &random)
        let receive =
            ["receive", "--as", "bob", "--count", "\(Self.lineCount)", "--output", directory.path("bob.jsonl"), "--timeout", "5"] + options
        let receiveKills = try await receiveToEnd(receive, in: directory, gateway, &random)

        let received = try String(decoding: directory.contents("bob.jsonl"), as: UTF8.self).split(separator: "\n").map { line in
            try JSONDecoder().decode(Line.self, from: Data(line.utf8))
        }
        #expect(received.map(\.text) == lines, "seed \(seed)")
        #expect(zip(received, received.dropFirst()).allSatisfy { $0.position < $1.position }, "seed \(seed)")
        // The test is worth something only if work was interrupted.
        #expect(sendKills > 0 && receiveKills > 0, "seed \(seed): \(sendKills) and \(receiveKills) kills")
        try await gateway.stop(SIGTERM)
    }

    private struct Line: Decodable {
        var position: UInt64
        var text: String
    }

    private static let killsMax = 5

    /// Runs a command again and again until it succeeds; kills it, and the gateway now and then, while kills are left.
    /// - Returns: how often it was killed at work.
    private func runToEnd(
        _ arguments: [String], in directory: TemporaryDirectory, input: String? = nil, _ gateway: GatewayProcess,
        _ random: inout SeededRandom
    ) async throws -> Int {
        var kills = 0
        while true {
            let command = try Command(arguments, in: directory, input: input)
            let result = try await disturb(
                command, gateway, kills: kills, &random, progress: { directory.size("sender") },
                of: Self.lineCount * 50)
            guard result.status == -SIGKILL else {
                #expect(result.status == 0, "\(result.error)")
                return kills
            }
            kills += 1
        }
    }

    /// A receiver that was killed begins anew with its count: it has got all when nothing comes any more.
    private func receiveToEnd(
        _ arguments: [String], in directory: TemporaryDirectory, _ gateway: GatewayProcess, _ random: inout SeededRandom
    ) async throws -> Int {
        var kills = 0
        while true {
            let command = try Command(arguments, in: directory)
            let result = try await disturb(
                command, gateway, kills: kills, &random, progress: { directory.size("bob.jsonl") },
                of: Self.lineCount * 100)
            let text = (try? directory.contents("bob.jsonl")) ?? []
            let count = text.count { $0 == UInt8(ascii: "\n") }
            if count >= Self.lineCount { return kills }
            guard result.status == -SIGKILL else {
                Issue.record("\(count) lines, then \(result.status): \(result.error)")
                return kills
            }
            kills += 1
        }
    }

    /// Kills the command, and perhaps the gateway before, after a random part of the work.
    /// - Parameters:
    ///   - progress: how much is done, in bytes.
    ///   - total: about how much there is to do.
    private func disturb(
        _ command: Command, _ gateway: GatewayProcess, kills: Int, _ random: inout SeededRandom,
        progress: @escaping @Sendable () -> Int, of total: Int
    ) async throws -> Command.Result {
        if kills >= Self.killsMax { return try await command.result() }
        let target = progress() + 1 + Int(random.next() % UInt64(total / Self.killsMax))
        let (killsGateway, commandFirst) = (random.next() % 2 == 0, random.next() % 2 == 0)
        // On a thread of its own: among other tests a task may come when all the work is done.
        await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                while progress() < target, command.isRunning { sched_yield() }
                // The first time at once, so that something is interrupted in any case.
                if commandFirst || !killsGateway || kills == 0 { command.signal(SIGKILL) }
                continuation.resume()
            }
        }
        if killsGateway { try await gateway.stop(SIGKILL) }
        if killsGateway { try await gateway.start() }
        command.signal(SIGKILL)
        return try await command.result()
    }
}
