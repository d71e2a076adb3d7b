import Foundation
import Glibc
import HoldfastTestSupport

/// A gateway, its senders, its receivers and a backend, with files of their own. Lives for some cycles of a run.
final class Testbed {
    let directory: String
    let gateway: Party
    private(set) var senders: [Party] = []
    private(set) var receivers: [Party] = []
    let backend: Backend
    private(set) var oracle: DeliveryOracle
    private var arrivals: [ArrivalCount] = []
    /// Lines that each sender's input had when it was started last; of later ones it doesn't know.
    private var taken: [Int]
    /// Of the plain port, the TLS port and the control API.
    private var addresses = ["127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"]
    private let program: String
    /// Decides how much is pushed.
    private var random: SeededRandom

    /// Checkpoints and trims come often, so that kills meet them; the reserve is small, so that many directories fit on the disk.
    private static let configuration = """
        reserveBytes: 1048576
        checkpointEntries: 1000
        checkpointEntriesMax: 4000

        """
    /// Nothing moves for this long: something is stuck.
    private static let stallSeconds = 60.0

    /// Makes the directory; nothing runs yet.
    init(_ directory: String, program: String, users: Int, seed: UInt64, recorder: Recorder?) throws {
        self.directory = directory
        self.program = program
        random = SeededRandom(seed: seed)
        oracle = DeliveryOracle(Conversations(users: users, seed: seed))
        backend = Backend(users: oracle.conversations.users, seed: seed)
        taken = oracle.lineCounts
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        try Data(Self.configuration.utf8).write(to: URL(fileURLWithPath: directory + "/gateway.yaml"))
        gateway = try Party("gateway", program: program, in: directory, recorder: recorder)
        for feed in oracle.conversations.feeds.indices {
            let input = "\(directory)/input-\(feed)"
            try Data().write(to: URL(fileURLWithPath: input))
            senders.append(try Party("sender-\(feed)", program: program, in: directory, input: input, recorder: recorder))
        }
        for user in oracle.conversations.users {
            receivers.append(try Party("receiver-\(user)", program: program, in: directory, recorder: recorder))
            arrivals.append(ArrivalCount(output(arrivals.count), user: user))
        }
    }

    deinit { end() }

    /// Ends all that runs.
    func end() {
        backend.stop()
        for party in [gateway] + clients { party.kill() }
    }

    var clients: [Party] { senders + receivers }

    /// Starts the gateway and waits until it serves. False: it was killed before.
    func startGateway() throws -> Bool {
        try gateway.start([
            "serve", "--data", gateway.root + "/data", "--config", directory + "/gateway.yaml", "--listen", addresses[0], "--tls-listen",
            addresses[1], "--control-listen", addresses[2],
        ])
        guard let line = try? gateway.child?.readLine() else {
            gateway.child?.end(0)
            if gateway.exitStatus == -SIGKILL { return false }
            throw Violation("the gateway doesn't start (\(gateway.exitStatus ?? 0)): \(gateway.lastWords)")
        }
        let words = line.split(separator: " ").map { String($0.drop { $0 != "=" }.dropFirst()) }
        guard words.count == 4, let colon = words[3].lastIndex(of: ":"), let port = Int(words[3][colon...].dropFirst()) else {
            throw LoadError("the gateway said '\(line)' instead of 'ready tcp=... tls=... control=...'")
        }
        // The same again after a kill.
        addresses = Array(words[1...3])
        try copyCredentials()
        if token.isEmpty { token = try makeToken() }
        backend.start(ControlConnection.Target(host: String(words[3][..<colon]), port: port, token: token))
        return true
    }

    private var token = ""

    /// The backend's, as whoever runs a gateway makes one.
    private func makeToken() throws -> String {
        let command = try ChildProcess(
            program,
            [
                "token", "--data", credentials, "--user", PushPlan.sender, "--role", "service", "--scopes", "push", "--ttl", "30d",
            ])
        let (text, status) = command.finish()
        guard status == 0 else { throw LoadError("holdfast token has ended with \(status ?? -1)") }
        return text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Files of the gateway that must be the same for ever once it has served.
    private static let keptFiles = ["development.key", "ticket-keys", "tls/cert.pem", "tls/key.pem"]

    /// What clients prove themselves with, and trust: as on their own machines, a copy from the gateway's first start on.
    private func copyCredentials() throws {
        guard !FileManager.default.fileExists(atPath: credentials) else { return }
        try FileManager.default.createDirectory(atPath: credentials + "/tls", withIntermediateDirectories: true)
        for file in Self.keptFiles {
            try FileManager.default.copyItem(atPath: gateway.root + "/data/" + file, toPath: credentials + "/" + file)
        }
    }

    private var credentials: String { directory + "/credentials" }

    /// Starts the clients that don't run.
    func startClients() throws {
        for index in senders.indices where !senders[index].isRunning { try startSender(index) }
        for (index, receiver) in receivers.enumerated() where !receiver.isRunning {
            if let status = receiver.exitStatus, status != -SIGKILL { throw ended(receiver, status) }
            arrivals[index].restart()
            try receiver.start(
                ["receive", "--as", oracle.conversations.users[index], "--state", receiver.root + "/state", "--output", output(index)]
                    + connection(index + 1))
        }
    }

    private func startSender(_ index: Int) throws {
        let sender = senders[index]
        try requireDone(sender)
        let feed = oracle.conversations.feeds[index]
        taken[index] = oracle.lineCounts[index]
        try sender.start(
            ["send", "--as", feed.from, "--to", feed.to, "--lines", "--state", sender.root + "/state", "--timeout", "60s"]
                + connection(index))
    }

    /// Half of the clients over TLS.
    private func connection(_ index: Int) -> [String] {
        let options = ["--data", credentials, "--server", addresses[index % 2]]
        return index % 2 == 0 ? options : options + ["--tls"]
    }

    /// More lines for every sender, who takes them at the next start if he has ended, and more pushes for the backend.
    /// - Returns: how many messages these are at their recipients.
    func addLines(_ count: () -> Int) throws -> Int {
        let before = expectedLines
        for feed in senders.indices {
            let text = oracle.addLines(count(), to: feed).map { $0 + "\n" }.joined()
            let file = try FileHandle(forWritingTo: URL(fileURLWithPath: "\(directory)/input-\(feed)"))
            defer { try? file.close() }
            try file.seekToEnd()
            try file.write(contentsOf: Data(text.utf8))
        }
        backend.add(pushes: 10 + random.below(100), lines: 20 + random.below(200))
        return expectedLines - before
    }

    /// Lines at all recipients together when all has arrived.
    var expectedLines: Int { oracle.lineCounts.reduce(0, +) + backend.deliveryCount }

    /// Lines at all recipients together now.
    var arrivedLines: Int {
        for index in arrivals.indices { arrivals[index].update() }
        return arrivals.reduce(0) { $0 + $1.count }
    }

    /// All senders have ended, the backend has all answers, and all lines have arrived.
    private var isSettled: Bool { !senders.contains { $0.isRunning } && backend.isDone && arrivedLines >= expectedLines }

    /// Waits until all is sent and has arrived, or until something else is so. Nothing may end by itself but senders.
    /// - Returns: whether it ended for `condition`.
    @discardableResult func settle(or condition: () -> Bool = { false }) throws -> Bool {
        var seen = -1
        var changedAt = ContinuousClock.now
        while true {
            if condition() { return true }
            for party in [gateway] + receivers {
                if let status = party.exitStatus, !condition() { throw ended(party, status) }
            }
            for (index, sender) in senders.enumerated() where sender.exitStatus != nil && !condition() {
                try requireDone(sender)
                if taken[index] < oracle.lineCounts[index] { try startSender(index) }
            }
            if let violation = backend.violations.first { throw Violation(violation) }
            if isSettled { return false }
            let arrived = arrivedLines
            if arrived != seen { (seen, changedAt) = (arrived, .now) }
            guard ContinuousClock.now - changedAt < .seconds(Self.stallSeconds) else {
                throw Violation(stallText)
            }
            usleep(5_000)
        }
    }

    private var stallText: String {
        let still = senders.filter(\.isRunning).map(\.name).joined(separator: ", ")
        let wrong = found(isComplete: true).joined(separator: "; ")
        return "nothing moves any more; senders that still run: \(still.isEmpty ? "none" : still); backend: \(backend.summary). \(wrong)"
    }

    /// Checks what has arrived and what was said.
    func verify(isComplete: Bool) throws {
        var violations = found(isComplete: isComplete)
        for file in Self.keptFiles
        where !FileManager.default.contentsEqual(atPath: gateway.root + "/data/" + file, andPath: credentials + "/" + file) {
            violations.append("the gateway's \(file) isn't the one that it had at first")
        }
        for party in [gateway] + clients { violations += party.unexplainedLines().map { "\(party.name) says: \($0)" } }
        guard violations.isEmpty else { throw Violation(violations.joined(separator: "\n  ")) }
    }

    private func found(isComplete: Bool) -> [String] {
        // What was pushed before it arrived is known of when the files have been read.
        let files = files()
        let pushes = backend.oracle
        return pushes.violations + oracle.violations(files, pushes: pushes, isComplete: isComplete)
    }

    /// A sender that has ended by itself must have stored all of its input.
    private func requireDone(_ sender: Party) throws {
        guard let status = sender.exitStatus, status != 0, status != -SIGKILL else { return }
        throw ended(sender, status)
    }

    private func ended(_ party: Party, _ status: Int32) -> Violation {
        Violation("\(party.name) has ended by itself (\(status)): \(party.lastWords)")
    }

    private func output(_ receiver: Int) -> String { receivers[receiver].root + "/output.jsonl" }

    private func files() -> [String: [UInt8]] {
        var files: [String: [UInt8]] = [:]
        for (index, user) in oracle.conversations.users.enumerated() {
            files[user] = FileManager.default.contents(atPath: output(index)).map { [UInt8]($0) }
        }
        return files
    }
}
