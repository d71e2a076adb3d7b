/// Why a run can't go on: what happened, and what would mend it.
struct LoadError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
