/// Why a run can't go on: what happened, and what would mend it.
struct LoadError: Error, CustomStringConvertible {
    let description: String
    /// Of the program.
    let exitCode: Int32

    /// A run that failed, or that found what must not be.
    init(_ description: String) { (self.description, exitCode) = (description, 1) }

    /// What was asked for makes no sense.
    init(usage description: String) { (self.description, exitCode) = (description, 64) }

    /// A file of the user's can't be used.
    init(file description: String) { (self.description, exitCode) = (description, 66) }

    /// The gateway can't be reached.
    init(unavailable description: String) { (self.description, exitCode) = (description, 69) }
}
