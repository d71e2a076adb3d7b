import Glibc

/// Room on a disk, looked at before a run that writes much.
enum FreeDisk {
    /// Throws if there is less room than `bytes` at `path`, or at the folder that it will be made in.
    static func check(_ path: String, bytes: Int) throws {
        var path = path
        var status = statvfs()
        while unsafe statvfs(path, &status) != 0 {
            guard errno == ENOENT, let slash = path.lastIndex(of: "/") else { path = "."; continue }
            path = slash == path.startIndex ? "/" : String(path[..<slash])
        }
        let free = Int(status.f_bavail) * Int(status.f_frsize)
        guard free < bytes else { return }
        throw LoadError(
            "the disk of \(path) has \(free >> 20) MB free, and this run needs about \(bytes >> 20) MB: make room, name another disk, or ask for less"
        )
    }

    /// What a gateway needs at most that begins empty. It holds 64 MiB in reserve, and takes messages only while there is some 25 MiB more, by
    /// the number of its loops. Measured for a message of 100 bytes: 185 to 500, journal and store together, before anything is trimmed; for
    /// one of 10,000 bytes: 12,000.
    /// - Parameters:
    ///   - messages: durable ones, of the whole run.
    ///   - bodyBytes: of each.
    ///   - users: that log in, or get messages.
    static func need(messages: Double, bodyBytes: Int, users: Int = 0) -> Int {
        let bytes = messages * (Double(bodyBytes) * 1.25 + 400) + Double(users) * 1_500
        return 128 << 20 + Int(min(1e17, max(0, bytes)))
    }

    /// Messages that a run sends at most, in `seconds`: with the rate max as many as the fastest gateway that we know took.
    static func messages(_ rate: Rate, seconds: Double) -> Double {
        if case .perSecond(let value) = rate { value * seconds } else { 200_000 * seconds }
    }
}
