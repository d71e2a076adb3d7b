internal import Foundation

/// The terminal in raw mode: keys come one by one and nothing is echoed. Restored by `restore`.
final class Terminal: Sendable {
    private let saved: termios

    /// Nil when standard input and output aren't both a terminal.
    init?() {
        var settings = termios()
        guard StandardStreams.isTerminal(STDIN_FILENO), StandardStreams.isTerminal(STDOUT_FILENO),
            unsafe tcgetattr(STDIN_FILENO, &settings) == 0
        else { return nil }
        saved = settings
        settings.c_lflag &= ~tcflag_t(ICANON | ECHO | ISIG | IEXTEN)
        settings.c_iflag &= ~tcflag_t(IXON | ICRNL)
        unsafe tcsetattr(STDIN_FILENO, TCSADRAIN, &settings)
    }

    /// As it was found.
    func restore() {
        var settings = saved
        unsafe tcsetattr(STDIN_FILENO, TCSADRAIN, &settings)
    }

    /// How wide it is now.
    static var columns: Int {
        var size = winsize()
        guard unsafe ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return max(20, Int(size.ws_col))
    }
}
