internal import Foundation
internal import HoldfastTestSupport
internal import Synchronization

/// The backend of a run: pushes over HTTP what it is told, on several connections, and repeats what had no answer until it has one; now and then also what had
/// one. It isn't killed itself: what it has asked for and was answered is what the run believes.
final class Backend: Sendable {
    private enum Work: Hashable {
        case push(Int)
        case upload(Int)
    }

    private struct State {
        var oracle: PushOracle
        var random: SeededRandom
        var target: ControlConnection.Target?
        /// The next one is the last.
        var waiting: [Work] = []
        var underWay: Set<Work> = []
        var finished: [Work] = []
        var tasks: [Task<Void, Never>] = []

        /// Users exist only after the first push: it goes alone.
        var mayBegin: Bool { oracle.answers[.single(1)] != nil || underWay.isEmpty }
    }

    private let state: Mutex<State>
    private static let connectionsCount = 4
    /// Of those that have an answer, each time that the gateway has been away.
    private static let repeatsMax = 5

    /// Nothing runs yet.
    init(users: [String], seed: UInt64) {
        let oracle = PushOracle(PushPlan(users: users, seed: seed))
        state = Mutex(State(oracle: oracle, random: SeededRandom(seed: seed)))
    }

    /// What was asked for and answered up to now.
    var oracle: PushOracle { state.withLock { $0.oracle } }

    /// Messages at all receivers together when all is pushed.
    var deliveryCount: Int { state.withLock { $0.oracle.deliveryCount } }

    /// What the gateway has answered that it must not.
    var violations: [String] { state.withLock { $0.oracle.violations } }

    /// All was answered.
    var isDone: Bool { state.withLock { $0.waiting.isEmpty && $0.underWay.isEmpty } }

    /// What it is at, for a message.
    var summary: String { state.withLock { "\($0.waiting.count) requests wait, \($0.underWay.count) are under way" } }

    /// The gateway serves, for the first time or again. Some of what was answered before is asked for once more: a crash must not have made it forget.
    func start(_ target: ControlConnection.Target) {
        state.withLock { state in
            state.target = target
            for _ in 0..<min(Self.repeatsMax, state.finished.count) {
                let work = state.finished.remove(at: state.random.below(state.finished.count))
                state.waiting.insert(work, at: state.random.below(state.waiting.count + 1))
            }
            guard state.tasks.isEmpty else { return }
            state.tasks = (0..<Self.connectionsCount).map { _ in Task { await self.run() } }
        }
    }

    /// More to push: single messages, and an upload of so many lines.
    func add(pushes: Int, lines: Int) {
        state.withLock { state in
            var new = state.oracle.addPushes(pushes).map { Work.push($0) }
            // In the midst of the single ones, but never before the first.
            new.insert(.upload(state.oracle.addUpload(lines: lines)), at: 1 + state.random.below(pushes))
            state.waiting = new.reversed() + state.waiting
        }
    }

    /// Ends its connections.
    func stop() {
        for task in state.withLock({ $0.tasks }) { task.cancel() }
    }

    // MARK: connections

    /// Opens a connection again and again, and works over it.
    private func run() async {
        while !Task.isCancelled {
            if let target = state.withLock({ $0.target }) {
                // A connection that isn't opened, or breaks, is what the run is about.
                try? await ControlConnection.open(target) { connection in try await self.work(over: &connection) }
            }
            try? await Task.sleep(for: .milliseconds(10))
        }
    }

    private func work(over connection: inout ControlConnection) async throws {
        while !Task.isCancelled {
            guard let work = take() else {
                try await Task.sleep(for: .milliseconds(5))
                continue
            }
            do {
                switch work {
                case .push(let number): try await push(number, over: &connection)
                case .upload(let number): try await upload(number, over: &connection)
                }
                finish(work)
            } catch {
                state.withLock { state in
                    state.underWay.remove(work)
                    state.waiting.append(work)
                }
                throw error
            }
        }
    }

    private func take() -> Work? {
        state.withLock { state in
            guard state.mayBegin, let work = state.waiting.popLast() else { return nil }
            state.underWay.insert(work)
            return work
        }
    }

    private func finish(_ work: Work) {
        state.withLock { state in
            state.underWay.remove(work)
            if state.random.once(in: 10) { state.waiting.insert(work, at: 0) } else { state.finished.append(work) }
        }
    }

    // MARK: requests

    private func push(_ number: Int, over connection: inout ControlConnection) async throws {
        let body = state.withLock { state in
            state.oracle.willPush(number)
            return Self.json(state.oracle.plan.push(.single(number)))
        }
        let answer = try await connection.post("/v1/messages", key: "push-\(number)", json: body)
        if let pushed: PushAnswer = try read(answer, "push \(number)") { state.withLock { $0.oracle.take(pushed, to: number) } }
    }

    private struct Stored: Decodable {
        var lines: Int
        var position: String
    }

    private struct Line: Decodable {
        var line: Int
    }

    /// Uploads what isn't stored of an upload, as far as the gateway tells.
    private func upload(_ number: Int, over connection: inout ControlConnection) async throws {
        if state.withLock({ $0.oracle.isBegun(number) }) {
            let answer = try await connection.get("/v1/uploads/upload-\(number)")
            if answer.status == 404 {
                state.withLock { $0.oracle.take(stored: 0, at: nil, of: number) }
            } else if let stored: Stored = try read(answer, "upload \(number)") {
                state.withLock { $0.oracle.take(stored: stored.lines, at: stored.position, of: number) }
            }
        }
        let (first, lines, window) = state.withLock { state -> (Int?, [Data], Int) in
            let (oracle, first) = (state.oracle, state.oracle.nextLine(of: number))
            let lines = first.map { Array($0...oracle.uploadLines[number - 1]) } ?? []
            return (first, lines.map { Self.json(oracle.plan.push(.line($0, upload: number))) }, 1 << state.random.below(8))
        }
        guard let first else { return }
        let failure = try await connection.upload(
            "/v1/messages:stream?firstLine=\(first)", key: "upload-\(number)", lines: lines, window: window,
            willSend: { place in state.withLock { $0.oracle.willSend(line: first + place, of: number) } },
            answered: { bytes in
                state.withLock { state in
                    guard let line = try? JSONDecoder().decode(Line.self, from: bytes).line,
                        let pushed = try? JSONDecoder().decode(PushAnswer.self, from: bytes)
                    else { return state.oracle.report("upload \(number) is answered '\(String(decoding: bytes, as: UTF8.self))'") }
                    state.oracle.take(pushed, toLine: line, of: number)
                }
            })
        if let failure { try reject(failure, "upload \(number)") }
    }

    /// What an answer says; nil: it is a violation.
    private func read<Value: Decodable>(_ answer: ControlConnection.Answer, _ what: String) throws -> Value? {
        if answer.status == 200, let value = try? JSONDecoder().decode(Value.self, from: answer.body) { return value }
        try reject(answer, what)
        return nil
    }

    /// An answer that isn't the one that was hoped for is a violation, unless it says that the gateway can't serve now: then the request is repeated.
    private func reject(_ answer: ControlConnection.Answer, _ what: String) throws {
        if answer.status == 503 { throw ControlConnection.Broken() }
        let text = String(decoding: answer.body.prefix(300), as: UTF8.self)
        state.withLock { $0.oracle.report("\(what) is answered with status \(answer.status): \(text)") }
    }

    private static func json(_ push: Push) -> Data {
        // Names and texts are ASCII: nothing can fail.
        (try? JSONEncoder().encode(push)) ?? Data()
    }
}
