/// What a fleet's live line shows, if it is time for that. On the loop's thread.
final class Progress {
    /// What to show; nil: nothing.
    var text: ((Fleet) -> String)?
    private let line = ProgressLine()

    /// Shows how far it is, if it is time for that.
    func show(_ fleet: Fleet) {
        if let text { line.show(text(fleet)) }
    }

    /// Clears the line.
    func end() { line.end() }
}
