internal import Foundation

/// The terminal in raw mode: keys come one by one and nothing is echoed. Restored by `restore`.
final class Terminal: Sendable {
    private let saved: termios
    /// What is pasted comes between marks, so that its line ends aren't taken for the key.
    private static let pasteMarksOn = "\u{1B}[?2004h"
    private static let pasteMarksOff = "\u{1B}[?2004l"

    /// Nil when standard input and output aren't both a terminal that can move its cursor.
    init?() {
        var settings = termios()
        guard StandardStreams.isTerminal(STDIN_FILENO), StandardStreams.isTerminal(STDOUT_FILENO), !Self.isDumb,
            unsafe tcgetattr(STDIN_FILENO, &settings) == 0
        else { return nil }
        saved = settings
        settings.c_lflag &= ~tcflag_t(ICANON | ECHO | ISIG | IEXTEN)
        settings.c_iflag &= ~tcflag_t(IXON | ICRNL)
        unsafe tcsetattr(STDIN_FILENO, TCSADRAIN, &settings)
        try? StandardStreams.output(Array(Self.pasteMarksOn.utf8))
    }

    /// As it was found.
    func restore() {
        try? StandardStreams.output(Array(Self.pasteMarksOff.utf8))
        var settings = saved
        unsafe tcsetattr(STDIN_FILENO, TCSADRAIN, &settings)
    }

    /// How wide the terminal of a descriptor is now; 80 where that isn't known.
    static func columns(of descriptor: Int32) -> Int { size(descriptor).columns }

    /// How wide and how high the terminal is now.
    static var size: (columns: Int, rows: Int) { size(STDOUT_FILENO) }

    /// It says of itself, or of nothing, that it only shows text.
    static var isDumb: Bool { isDumb(ProcessInfo.processInfo.environment) }

    /// See `isDumb`.
    static func isDumb(_ environment: [String: String]) -> Bool { ["", "dumb"].contains(environment["TERM"] ?? "") }

    /// Colours and weights are wanted (no-color.org).
    static func isStyled(_ environment: [String: String]) -> Bool { (environment["NO_COLOR"] ?? "").isEmpty }

    private static func size(_ descriptor: Int32) -> (columns: Int, rows: Int) {
        var size = winsize()
        guard unsafe ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return (80, 24) }
        return (max(20, Int(size.ws_col)), max(4, Int(size.ws_row)))
    }
}
