internal import HoldfastCore
internal import HoldfastGateway
internal import HoldfastIO
internal import HoldfastStorage

/// What is wanted of a machine that runs a gateway with this configuration. Pure: facts in, checks out.
enum DoctorChecks {
    /// All of them, in the order in which they are shown.
    /// - Parameters:
    ///   - directory: what was looked at: the data directory, or the folder above it that is there.
    ///   - isMade: whether it is the data directory.
    static func all(
        _ machine: MachineFacts, _ disk: DiskFacts, _ configuration: Configuration, directory: String, isMade: Bool
    ) -> [DoctorCheck] {
        system(machine, configuration) + connections(machine, configuration) + memory(machine, configuration)
            + storage(disk, configuration, directory, isMade: isMade)
    }

    private static func system(_ machine: MachineFacts, _ configuration: Configuration) -> [DoctorCheck] {
        let kernel = machine.kernel ?? "unknown"
        let version = kernel.split(whereSeparator: { !$0.isNumber }).prefix(2).compactMap { Int($0) }
        let isRecent = version.count == 2 && (version[0], version[1]) >= (5, 4)
        var checks = [
            DoctorCheck("kernel", kernel, wanted: "5.4 or newer", isWell: isRecent, do: "Upgrade the distribution: apt full-upgrade"),
            DoctorCheck(
                "OpenSSL", machine.openSSL, wanted: "OpenSSL 3", isWell: machine.openSSL.hasPrefix("OpenSSL 3"), else: .fail,
                do: "apt install libssl3"),
            DoctorCheck(
                "clock", Timestamp.text(machine.wallSeconds * 1000),
                wanted: "a time after 2025, less than \(configuration.clockAheadYearsMax) years later",
                isWell: configuration.clockRule.isBelievable(machine.wallSeconds * 1000, after: 0), else: .fail,
                do: "timedatectl set-time 'YYYY-MM-DD HH:MM:SS': tokens and tickets are checked against it"),
        ]
        if let isSynchronised = machine.isClockSynchronised {
            checks.append(
                DoctorCheck(
                    "clock synchronised", isSynchronised ? "yes" : "no", wanted: "yes", isWell: isSynchronised,
                    do: "timedatectl set-ntp true: tokens of an issuer with another clock are taken too long, or not at all"))
        } else {
            checks.append(.unknown("clock synchronised", wanted: "yes", do: "timedatectl status"))
        }
        return checks
    }

    private static func connections(_ machine: MachineFacts, _ configuration: Configuration) -> [DoctorCheck] {
        let wantedDescriptors = configuration.sizing().connectionsMax + spareDescriptors
        let descriptors = machine.descriptorsMax ?? 0
        var checks = [
            DoctorCheck(
                "descriptors", "\(descriptors)",
                wanted: "\(wantedDescriptors), for connectionsMax: \(configuration.sizing().connectionsMax)",
                isWell: descriptors >= wantedDescriptors, else: descriptors < 1024 ? .fail : .warn,
                do:
                    "systemctl edit holdfast, with LimitNOFILE=\(wantedDescriptors) under [Service]; "
                    + "or ulimit -Hn \(wantedDescriptors) as root; or connectionsMax: \(max(1, descriptors - spareDescriptors))")
        ]
        func atLeast(_ name: String, _ key: String, _ value: Int?, _ wanted: Int, failsBelow: Int, _ why: String) {
            guard let value else { return checks.append(.unknown(name, wanted: "\(wanted)", do: "sysctl \(key)")) }
            checks.append(
                DoctorCheck(
                    name, "\(value)", wanted: "\(wanted), \(why)", isWell: value >= wanted, else: value < failsBelow ? .fail : .warn,
                    do: "sysctl -w \(key)=\(wanted)"))
        }
        atLeast(
            "net.core.somaxconn", "net.core.somaxconn", machine.somaxconn, configuration.listenBacklog, failsBelow: 128,
            "as listenBacklog: in a storm connects beyond it are thrown away and come again after a second")
        if machine.hasSynCookies != true {
            atLeast(
                "tcp_max_syn_backlog", "net.ipv4.tcp_max_syn_backlog", machine.synBacklogMax, configuration.listenBacklog, failsBelow: 64,
                "as listenBacklog, or net.ipv4.tcp_syncookies=1")
        } else {
            atLeast(
                "tcp_max_syn_backlog", "net.ipv4.tcp_max_syn_backlog", machine.synBacklogMax, 1024, failsBelow: 64,
                "with tcp_syncookies=1, which takes what is beyond")
        }
        let wantedThreads = configuration.threadCount + spareThreads
        checks.append(
            DoctorCheck(
                "threads", machine.threadsMax.map(String.init) ?? "no limit", wanted: "\(wantedThreads), for loops, readers and the rest",
                isWell: (machine.threadsMax ?? .max) >= wantedThreads, else: .fail,
                do: "systemctl edit holdfast, with TasksMax=\(wantedThreads) under [Service]; or docker run --pids-limit \(wantedThreads)"))
        let ports = machine.localPorts?.count ?? 0
        checks.append(
            DoctorCheck(
                "local ports", machine.localPorts.map { "\($0.lowerBound) to \($0.upperBound)" } ?? "unknown",
                wanted: "28000 ports, for load tests from here", isWell: ports >= 28_000,
                do: "sysctl -w net.ipv4.ip_local_port_range='10240 65535'"))
        return checks
    }

    private static func memory(_ machine: MachineFacts, _ configuration: Configuration) -> [DoctorCheck] {
        let connections = min(configuration.sizing().connectionsMax, max(0, (machine.descriptorsMax ?? .max) - spareDescriptors))
        let perConnection = configuration.tlsListen.isEmpty ? plainBytes : tlsBytes
        // A small limit leaves a small program: see `MemorySizing`, which keeps to it where connectionsMax is `auto`.
        let available = [machine.memoryAvailableBytes, machine.memoryLimit?.bytes].compactMap(\.self).min()
        let baseBytes = min(Self.baseBytes, max(Self.smallestBytes, (available ?? .max) / 4))
        let wanted = baseBytes + connections * perConnection
        var checks: [DoctorCheck] = []
        if let available {
            checks.append(
                DoctorCheck(
                    "memory available", mebibytes(available),
                    wanted: "\(mebibytes(wanted)), for \(connections) connections of \(perConnection) bytes", isWell: available >= wanted,
                    else: available < baseBytes ? .fail : .warn,
                    do: "Add memory, or connectionsMax: \(max(1, (available - baseBytes) / perConnection))"))
        } else {
            checks.append(.unknown("memory available", wanted: mebibytes(wanted), do: "cat /proc/meminfo"))
        }
        // A socket whose peer doesn't read keeps a few pages.
        let pages = connections
        let tcpPages = machine.tcpPagesMax ?? 0
        checks.append(
            DoctorCheck(
                "net.ipv4.tcp_mem", "\(tcpPages) pages", wanted: "\(pages) pages, one for each connection", isWell: tcpPages >= pages,
                do: "sysctl -w net.ipv4.tcp_mem='\(pages) \(pages * 5 / 4) \(pages * 3 / 2)'"))
        checks.append(
            DoctorCheck(
                "overcommit", machine.overcommit.map(String.init) ?? "unknown",
                wanted: "0 or 1: address space is reserved for connectionsMax",
                isWell: machine.overcommit != 2, do: "sysctl -w vm.overcommit_memory=0, or lower connectionsMax"))
        checks.append(
            DoctorCheck(
                "huge pages", machine.hugePages ?? "none", wanted: "madvise or never", isWell: machine.hugePages != "always",
                do: "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled: with always, memory grows in steps of 2 MiB"))
        return checks
    }

    private static func storage(_ disk: DiskFacts, _ configuration: Configuration, _ directory: String, isMade: Bool) -> [DoctorCheck] {
        let kind = fileSystems[disk.fileSystem]
        var checks = [
            DoctorCheck(
                "file system", kind?.name ?? "local", wanted: "a local disk: LMDB's locks and maps don't hold on others",
                isWell: kind == nil, else: kind?.state ?? .warn, do: "Put the data directory on a local disk: data: /var/lib/holdfast")
        ]
        // The gateway refuses messages below the reserve; a checkpoint and a batch need room besides.
        let wanted = 2 * configuration.reserveBytes + roomBytes
        if let available = disk.availableBytes {
            checks.append(
                DoctorCheck(
                    "disk free", mebibytes(available), wanted: "\(mebibytes(wanted)), twice reserveBytes and room to work",
                    isWell: available >= wanted, else: available < 2 * configuration.reserveBytes ? .fail : .warn,
                    do: "Make room in \(directory), or lower reserveBytes"))
        } else {
            checks.append(.unknown("disk free", wanted: mebibytes(wanted), do: "df \(directory)"))
        }
        guard let sync = disk.syncMicroseconds, let slowest = disk.syncMicrosecondsMax else {
            checks.append(
                DoctorCheck(
                    "disk sync", "nothing can be written", wanted: "a directory that may be written", isWell: false, else: .fail,
                    do: isMade
                        ? "chown the gateway's user \(directory), or run the gateway as its owner"
                        : "install -d -m 700 -o the gateway's user \(configuration.data), as root; or name a data directory that it may make"
                ))
            return checks
        }
        checks.append(
            DoctorCheck(
                "disk sync", "\(sync) us, slowest \(slowest) us", wanted: "at most 10000 us: every commit waits for one",
                isWell: sync <= 10_000, do: "Use a disk with a write cache that survives a power cut, and no other writers on it"))
        return checks
    }

    /// Of the data directory; nothing while there is none.
    static func format(_ number: UInt64?) -> [DoctorCheck] {
        guard let number else { return [] }
        let current = StorageFormat.current.rawValue
        return [
            DoctorCheck(
                "format", "\(number)", wanted: "\(current), which this version serves", isWell: number == current, else: .fail,
                do: number < current
                    ? "holdfast backup, then holdfast serve --migrate" : "Use the version of holdfast that wrote it, or a later one")
        ]
    }

    /// What journal and store hold, to what they may; nothing while there is no data directory.
    static func limit(_ usage: StorageUsage?, _ configuration: Configuration) -> [DoctorCheck] {
        guard let usage else { return [] }
        let wanted = configuration.storageBytesMax / 4 * 3
        return [
            ("journal", usage.journalFileBytes - usage.journalFreeBytes), ("store", usage.storeFileBytes - usage.storeFreeBytes),
        ].map { name, bytes in
            DoctorCheck(
                "\(name) size", mebibytes(bytes),
                wanted: "\(mebibytes(wanted)), three quarters of storageBytesMax: \(configuration.storageBytesMax)", isWell: bytes < wanted,
                do: "Raise storageBytesMax and restart, or let the recipients fetch their messages; near the limit new ones are refused")
        }
    }

    private static func mebibytes(_ bytes: Int) -> String { "\(bytes >> 20) MiB" }

    /// Certificate, keys and secrets, as a start would read them.
    static func identity(_ report: IdentityReport) -> [DoctorCheck] {
        let (value, state, advice): (String, DoctorCheck.State, String) =
            switch report.certificate {
            case _ where report.tlsError != nil: (report.tlsError ?? "", .fail, "Mend the file that is named, or tlsCertificate and tlsKey")
            case nil: ("none yet", .ok, "")
            case .good?: ("good", .ok, "")
            case .ending?: ("\(report.certificateFile) ends soon", .warn, "Renew it, and send SIGHUP to the gateway")
            case .expired?: ("\(report.certificateFile) has expired", .fail, "Renew it, and send SIGHUP to the gateway")
            case .notYetValid?: ("\(report.certificateFile) isn't valid yet", .fail, "Wait, or set the clock: timedatectl")
            }
        let readable = report.readableSecrets
        return [
            DoctorCheck("certificate", value, wanted: "one that is good now, with its key", isWell: state == .ok, else: state, do: advice),
            DoctorCheck(
                "token keys", report.tokenError ?? "good", wanted: "keys that can be used", isWell: report.tokenError == nil, else: .fail,
                do: "Put the key of your token issuer into tokenSecretFile, tokenPublicKeyFile or tokenKeySetFile"),
            DoctorCheck(
                "secrets", readable.isEmpty ? "not readable by others" : readable.joined(separator: ", "), wanted: "mode 0600",
                isWell: readable.isEmpty, do: "chmod 600 \(readable.joined(separator: " "))"),
        ]
    }

    private static let spareDescriptors = 64
    /// Of the language's runtime, of what operators run beside it in one container.
    private static let spareThreads = 16
    private static let plainBytes = 600
    private static let tlsBytes = 15_000
    private static let baseBytes = 256 << 20
    private static let roomBytes = 1 << 30
    /// What a gateway for a trial runs in.
    private static let smallestBytes = 48 << 20

    /// By the numbers of statfs(2).
    private static let fileSystems: [UInt64: (name: String, state: DoctorCheck.State)] = [
        0x6969: ("NFS", .fail), 0x517B: ("SMB", .fail), 0xFF53_4D42: ("CIFS", .fail), 0xFE53_4D42: ("SMB 2", .fail),
        0x0102_1997: ("9P", .fail), 0x00C3_6400: ("Ceph", .fail), 0x6573_5546: ("FUSE", .warn),
        0x0102_1994: ("tmpfs: it is gone with the machine's power", .warn),
    ]
}
