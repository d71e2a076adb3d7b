internal import ArgumentParser
internal import Foundation
internal import HoldfastGateway
internal import HoldfastIO
internal import HoldfastStorage

/// `holdfast doctor`.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Checks whether this machine is set up for a gateway.",
        discussion: """
            Reads the configuration that serve would read, and looks at certificate, keys and secrets, descriptors, threads, the listen queue, \
            memory, the clock, the file system, the format of the data directory, and how long a sync of the disk takes (it writes a few \
            small files in the data directory, or in the folder above while there is none, and removes them). One line for each: ok, warn (it \
            serves, but not as well or as many as it could) or fail, and the command that mends it. Run it as the user that runs the gateway: \
            limits are that user's. Changes nothing.

            Exit code 0: nothing fails. 1: something does. 64: the configuration is wrong.

            EXAMPLE
              holdfast doctor --config /etc/holdfast.yaml
              holdfast doctor --json
            """)

    @Option(help: ArgumentHelp("The gateway's configuration file; without one: the defaults.", valueName: "file"))
    var config: String?

    @Option(help: ArgumentHelp("The data directory. (default: the configuration's)", valueName: "dir"))
    var data: String?

    @Flag(help: "Prints one JSON object.")
    var json = false

    /// Looks, and tells.
    func run() async throws {
        var configuration = Configuration()
        do throws(ConfigurationError) {
            if let config { configuration = try Configuration(file: config) }
        } catch {
            throw CommandFailure("\(error)", exitCode: GatewayError(error).exitCode)
        }
        if let data { configuration.data = data }
        let directory = Self.existing(configuration.data)
        let machine = MachineFacts.read()
        let checks =
            DoctorChecks.all(
                machine, .read(directory), configuration.sized(for: machine.memoryLimit), directory: directory,
                isMade: FileManager.default.fileExists(atPath: configuration.data))
            + DoctorChecks.identity(await .read(configuration, at: machine.wallSeconds))
            + DoctorChecks.format((try? DirectoryLock.formatNumber(configuration.data)) ?? nil)
            + DoctorChecks.limit(Self.usage(configuration.data), configuration)
        let failed = checks.count { $0.state == .fail }
        let output = OperationOutput(isJSON: json)
        for check in checks { try output.line(check.line) }
        try output.line("\(checks.count) checks: \(failed) fail, \(checks.count { $0.state == .warn }) warn")
        try output.json { object in
            object.add("ok", failed == 0)
            object.add("directory", directory)
            object.add("checks", list: checks.map(\.json))
        }
        if failed > 0 { throw CommandFailure("") }
    }

    /// How much the data directory holds; nil while there is none, or when it can't be read.
    private static func usage(_ path: String) -> StorageUsage? {
        guard (try? DirectoryLock.isMade(path)) == true else { return nil }
        return try? LMDBStorage.openReadOnly(directory: path).usage()
    }

    /// The directory, or what there is of the way to it.
    private static func existing(_ path: String) -> String {
        var url = URL(fileURLWithPath: path).standardizedFileURL
        while !FileManager.default.fileExists(atPath: url.path), url.path != "/" { url.deleteLastPathComponent() }
        return url.path
    }
}
