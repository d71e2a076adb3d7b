/// One thing that was looked at: what it is, what it should be, and the command that makes it so.
struct DoctorCheck: Equatable, Sendable {
    /// How it is.
    enum State: String, Sendable {
        case ok
        /// The gateway serves, but not as well, or not as many, as it could.
        case warn
        /// The gateway doesn't serve, or loses what it must not lose.
        case fail
    }

    var name: String
    var state: State
    var value: String
    var wanted: String
    /// The command that mends it, or what else to do; empty when it is well.
    var advice: String

    /// A check that fails or warns unless `isWell`.
    init(_ name: String, _ value: String, wanted: String, isWell: Bool, else state: State = .warn, do advice: String) {
        self.name = name
        self.state = isWell ? .ok : state
        self.value = value
        self.wanted = wanted
        self.advice = isWell ? "" : advice
    }

    /// One that couldn't be made.
    static func unknown(_ name: String, wanted: String, do advice: String) -> DoctorCheck {
        DoctorCheck(name, "unknown", wanted: wanted, isWell: false, do: advice)
    }

    /// For people.
    var line: String {
        let head = "\(state.rawValue.padded(to: 4))  \(name.padded(to: 22))  \(value)"
        return state == .ok ? head : "\(head)  (wanted: \(wanted))\n      \(advice)"
    }

    /// For programs.
    var json: JSONText {
        JSONText.object { object in
            object.add("name", name)
            object.add("state", state.rawValue)
            object.add("value", value)
            object.add("wanted", wanted)
            object.add("do", advice)
        }
    }
}

extension String {
    fileprivate func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
