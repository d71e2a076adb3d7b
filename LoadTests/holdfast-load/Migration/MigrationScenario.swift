import Foundation
import HoldfastClient
import HoldfastCore
import HoldfastIO
import HoldfastStorage

/// A large directory of an earlier format: its migration is killed and goes on, and every message arrives.
struct MigrationScenario {
    var workshop: Workshop
    var users: Int
    var messagesPerUser: Int
    var kills: Int
    /// `holdfast-load` of the earlier version.
    var filler: String?

    private static let bodyBytes = 100

    /// Runs it, on a gateway of its own.
    func run() async throws -> Report {
        let data = workshop.directory + "/migrate"
        let plan = DirectoryFill.Plan(directory: data, users: users, messagesPerUser: messagesPerUser, bodyBytes: Self.bodyBytes)
        try fill(plan)
        var report = Report(scenario: "migrate", clients: users)
        report.figures["queued"] = Double(users * messagesPerUser)
        report.figures["storeBytesBefore"] = storeBytes(data)
        let start = Fleet.nanoseconds
        var moved: [Int] = []
        for kill in 0..<kills { moved.append(try migrate(data, untilShare: Double(kill + 1) / Double(kills + 1), after: moved.last ?? 0)) }
        report.notes = moved.map { "killed when \($0) entries were moved" }
        let gateway = try kills > 0 ? GatewayProcess(workshop, name: "migrate", data: data) : migrated(data)
        defer { gateway.remove() }
        report.figures["secondsToReady"] = Double(Fleet.nanoseconds - start) / 1e9
        report.figures["storeBytesAfter"] = storeBytes(data)
        try await receive(gateway, plan, &report)
        report.seconds = Double(Fleet.nanoseconds - start) / 1e9
        report.cpuSeconds.generator = ProcessMeter.own.cpuSeconds ?? 0
        return report
    }

    private func fill(_ plan: DirectoryFill.Plan) throws {
        if let filler {
            let arguments = [
                "fill", "--data", plan.directory, "--users", "\(users)", "--messages", "\(messagesPerUser)", "--bytes", "\(Self.bodyBytes)",
            ]
            let (text, status) = try ChildProcess(filler, arguments, errors: .pipe).finish()
            guard status == 0 else { throw LoadError("\(filler) ended with \(status ?? -1): \(text.suffix(500))") }
        } else {
            var filled = plan
            filled.directory = plan.directory + "-new"
            try DirectoryFill.run(filled)
            try FileManager.default.createDirectory(atPath: plan.directory, withIntermediateDirectories: true)
            try Self.copy(filled.directory, into: plan.directory)
            try FileManager.default.removeItem(atPath: filled.directory)
        }
        guard try DirectoryLock.namedFormat(plan.directory) == .one else { throw LoadError("\(plan.directory) is not of format 1") }
    }

    private static func copy(_ source: String, into target: String) throws {
        try LMDBStorage.openReadOnly(directory: source).copy(into: DirectoryBuild(in: target, format: .one)) { _, _ in }
        try StagedFiles.decide(in: target, reason: "replaced")
        try StagedFiles.complete(in: target)
    }

    /// Starts a migration, or goes on with one, and kills it.
    /// - Returns: how many entries were moved.
    private func migrate(_ data: String, untilShare share: Double, after before: Int) throws -> Int {
        let gateway = try start(data)
        while let line = try? gateway.readLine() {
            guard let progress = line.firstMatch(of: /entries="(\d+) of (\d+)"/), let moved = Int(progress.1), let count = Int(progress.2)
            else {
                continue
            }
            guard moved > before, Double(moved) >= share * Double(count) else { continue }
            gateway.end(SIGKILL)
            guard moved < count else { throw LoadError("the migration was done before it could be killed: use more --messages") }
            return moved
        }
        gateway.end(0)
        throw LoadError("the gateway ended with \(gateway.exitStatus ?? 0) before its migration was killed")
    }

    private func start(_ data: String) throws -> ChildProcess {
        try ChildProcess(
            workshop.gateway,
            ["serve", "--data", data, "--listen", "127.0.0.1:0", "--tls-listen", "", "--control-listen", "", "--migrate"], output: .pipe,
            errors: .pipe)
    }

    /// Without a kill it is asked for here, and the gateway that serves is another one.
    private func migrated(_ data: String) throws -> GatewayProcess {
        let gateway = try start(data)
        while let line = try? gateway.readLine(), !line.hasPrefix("ready") {}
        gateway.end(SIGTERM)
        return try GatewayProcess(workshop, name: "migrate", data: data)
    }

    private func storeBytes(_ data: String) -> Double {
        Double((try? FileFacts(path: data + "/store/data.mdb"))?.bytes ?? 0)
    }

    /// Everybody comes for what waits.
    private func receive(_ gateway: GatewayProcess, _ plan: DirectoryFill.Plan, _ report: inout Report) async throws {
        let (users, filled) = (users, plan.messagesPerUser)
        let senders = DirectoryFill.senderCount
        let driver = try await FleetDriver(target: try gateway.target(), capacity: users + senders) { phone in
            phone < users ? "\(plan.name)-\(phone)" : plan.senderName(phone - users)
        }
        defer { driver.stop() }
        let phone = ClientSettings(device: DirectoryFill.device, acknowledgesOnReceipt: true, resolvesPeers: false)
        let sender = ClientSettings(device: "migrate", isSendOnly: true, acknowledgesOnReceipt: true, resolvesPeers: false)
        try await driver.perform { fleet in
            fleet.add(users, phone)
            fleet.add(senders, sender)
            let workload = Workload(window: 64, bodyBytes: Self.bodyBytes, run: DirectoryFill.run)
            workload.isRecording = false
            fleet.workload = workload
            for index in 0..<users { fleet.addStream(from: users + index % senders, to: index, filled: filled) }
            fleet.send(upTo: UInt64(filled))
        }
        try await driver.connect(0..<users, inFlightMax: 64)
        // What doesn't come is counted as lost.
        try? await driver.reach(users * filled, "messages of \(users) users") { $0.workload?.totals.delivered ?? 0 }
        let (totals, counters) = try await driver.perform { fleet in (fleet.workload?.verified ?? .init(), fleet.counters) }
        report.add(totals)
        report.add(counters)
    }
}
