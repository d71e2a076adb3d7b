import ArgumentParser

/// Programs that a run starts itself.
struct ProgramOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The holdfast program. Default: the one beside this program.", valueName: "file"))
    var gateway: String?

    @Option(help: ArgumentHelp("A directory on the disk to measure; a folder is made in it, and removed.", valueName: "dir"))
    var directory = "/tmp"

    /// Both, checked.
    func workshop() throws -> Workshop { try Workshop(gateway: gateway, parent: directory) }
}
