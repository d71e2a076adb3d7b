/// The limits of names, checked before anything is opened.
enum Names {
    /// User names have 1 to 255 bytes, device names 1 to 64, both without NUL (SPEC 2.3).
    static func check(_ name: String, option: String, bytesMax: Int) throws(CommandFailure) {
        guard !name.isEmpty else { throw CommandFailure("\(option) is empty; give a name.", exitCode: CommandFailure.usage) }
        guard name.utf8.count <= bytesMax else {
            throw CommandFailure(
                "\(option) has \(name.utf8.count) bytes; a name has at most \(bytesMax). Use a shorter one.",
                exitCode: CommandFailure.usage)
        }
        guard !name.utf8.contains(0) else {
            throw CommandFailure("\(option) has a NUL byte; use a name without.", exitCode: CommandFailure.usage)
        }
    }

    /// Checks the name of a user.
    static func checkUser(_ name: String, option: String) throws(CommandFailure) { try check(name, option: option, bytesMax: 255) }

    /// Checks the name of a device.
    static func checkDevice(_ name: String, option: String) throws(CommandFailure) { try check(name, option: option, bytesMax: 64) }
}
