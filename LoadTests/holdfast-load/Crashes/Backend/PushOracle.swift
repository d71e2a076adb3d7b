/// What the gateway has said of a push.
struct PushAnswer: Decodable, Equatable, Sendable {
    struct Recipient: Decodable, Equatable, Sendable {
        var user: String
        var position: String?
        var refusal: String?
    }

    var position: String
    /// An earlier request with the key has stored it.
    var replayed: Bool
    var recipients: [Recipient]
}

/// Says whether the gateway's answers to a backend keep what they promise: a push that was answered is stored, once, for all whom the answer doesn't
/// refuse, and a repeat is answered by what became of the first. What has arrived at receivers is the matter of `DeliveryOracle`.
struct PushOracle: Sendable {
    let plan: PushPlan
    /// Single messages that the backend was told to push.
    private(set) var pushCount = 0
    /// Lines of each upload; the first upload is 1.
    private(set) var uploadLines: [Int] = []
    private(set) var answers: [PushID: PushAnswer] = [:]
    private(set) var violations: [String] = []
    /// Messages at all receivers together when all is pushed.
    private(set) var deliveryCount = 0
    /// How much was tried, by what the report calls it.
    private(set) var figures: [String: Int] = [:]
    private var requests: [PushID: Int] = [:]
    private var positions: [String: PushID] = [:]
    /// Lines of each upload that were handed to the gateway, and that it has said to be stored.
    private var sentLines: [Int: Int] = [:]
    private var storedLines: [Int: Int] = [:]

    init(_ plan: PushPlan) { self.plan = plan }

    /// More single messages.
    /// - Returns: their numbers.
    mutating func addPushes(_ count: Int) -> ClosedRange<Int> {
        pushCount += count
        let new = pushCount - count + 1...pushCount
        for number in new { deliveryCount += deliveries(.single(number)) }
        return new
    }

    /// One more upload.
    /// - Returns: its number.
    mutating func addUpload(lines: Int) -> Int {
        uploadLines.append(lines)
        for number in 1...lines { deliveryCount += deliveries(.line(number, upload: uploadLines.count)) }
        return uploadLines.count
    }

    private func deliveries(_ id: PushID) -> Int { plan.push(id).to.count { plan.users.contains($0) } }

    /// Whether the backend was told to push it.
    func isAsked(_ id: PushID) -> Bool {
        switch id {
        case .single(let number): number <= pushCount
        case .line(let number, let upload): upload <= uploadLines.count && number <= uploadLines[upload - 1]
        }
    }

    /// All that the backend was told to push.
    var asked: [PushID] {
        (0..<pushCount).map { .single($0 + 1) }
            + uploadLines.enumerated().flatMap { upload, lines in (0..<lines).map { .line($0 + 1, upload: upload + 1) } }
    }

    // MARK: single messages

    /// A request is about to leave.
    mutating func willPush(_ number: Int) {
        requests[.single(number), default: 0] += 1
        guard requests[.single(number), default: 0] > 1 else { return }
        count(answers[.single(number)] == nil ? "pushes repeated without an answer" : "pushes repeated after one")
    }

    /// A request was answered.
    mutating func take(_ answer: PushAnswer, to number: Int) {
        let id = PushID.single(number)
        check(answer, id)
        if let first = answers[id] {
            if answer.position != first.position || answer.recipients != first.recipients {
                report("\(id) was stored at \(first.text), and its repeat at \(answer.text)")
            }
            if !answer.replayed { report("\(id) was answered, and its repeat isn't called one") }
        } else if answer.replayed {
            if requests[id, default: 0] < 2 { report("\(id) is called a repeat, and is none") }
            count("pushes stored without an answer")
        }
        if answer.replayed { count("pushes replayed") }
        if answers[id] == nil { count("pushes answered") }
        keep(answer, id)
    }

    // MARK: uploads

    /// Whether lines of it were handed to the gateway: before it goes on, the gateway is asked how far it has come.
    func isBegun(_ upload: Int) -> Bool { sentLines[upload, default: 0] > 0 }

    /// A line is about to leave.
    mutating func willSend(line number: Int, of upload: Int) {
        sentLines[upload] = max(sentLines[upload, default: 0], number)
    }

    /// A line was answered.
    mutating func take(_ answer: PushAnswer, toLine number: Int, of upload: Int) {
        let id = PushID.line(number, upload: upload)
        check(answer, id)
        if number != storedLines[upload, default: 0] + 1 { report("\(id) was answered after line \(storedLines[upload, default: 0])") }
        if answer.replayed { report("\(id) is called a repeat, and is none") }
        storedLines[upload] = number
        count("lines answered")
        keep(answer, id)
    }

    /// The gateway has said how far an upload has come: none of what it has answered may be missing.
    /// - Parameter position: of the last line that is stored; nil: there is none.
    mutating func take(stored lines: Int, at position: String?, of upload: Int) {
        let (known, sent) = (storedLines[upload, default: 0], sentLines[upload, default: 0])
        if lines < known { report("upload \(upload) has \(lines) lines, and line \(known) was answered") }
        if lines > sent { report("upload \(upload) has \(lines) lines, and \(sent) were sent") }
        if let answer = answers[.line(lines, upload: upload)], answer.position != position {
            report("line \(lines) of upload \(upload) was stored at \(answer.position), and the upload says \(position ?? "nothing")")
        }
        count("uploads asked for")
        count("lines stored without an answer", max(lines - known, 0))
        storedLines[upload] = max(lines, known)
    }

    /// The line after those that are stored; nil: all are.
    func nextLine(of upload: Int) -> Int? {
        let stored = storedLines[upload, default: 0]
        return stored < uploadLines[upload - 1] ? stored + 1 : nil
    }

    /// Something that the gateway must not answer.
    mutating func report(_ text: String) { violations.append(text) }

    private mutating func check(_ answer: PushAnswer, _ id: PushID) {
        let push = plan.push(id)
        if answer.recipients.map(\.user) != push.to { report("\(id) is answered for \(answer.recipients.map(\.user)), not for \(push.to)") }
        for recipient in answer.recipients where recipient.position != answer.position {
            // Users are known from the first push on: only a stranger may be refused, and only where he must exist.
            let mayBeRefused = push.mustExist && !plan.users.contains(recipient.user)
            if !mayBeRefused || recipient.refusal != "invalidRecipient" || recipient.position != nil {
                report("\(id) is answered '\(recipient.refusal ?? recipient.position ?? "nothing")' for \(recipient.user)")
            }
        }
        if answer.recipients.contains(where: { $0.refusal != nil }) { count("answers with a refusal") }
    }

    private mutating func keep(_ answer: PushAnswer, _ id: PushID) {
        if let other = positions.updateValue(id, forKey: answer.position), other != id {
            report("\(id) is at position \(answer.position), where \(other) is")
        }
        answers[id] = answer
    }

    private mutating func count(_ what: String, _ number: Int = 1) { figures[what, default: 0] += number }
}

extension PushAnswer {
    fileprivate var text: String {
        "\(position) for " + recipients.map { "\($0.user) (\($0.refusal ?? "stored"))" }.joined(separator: ", ")
    }
}
