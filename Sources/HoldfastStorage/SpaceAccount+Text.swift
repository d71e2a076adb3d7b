import HoldfastCore

extension SpaceAccount {
    /// What is short, or will be first, and what to do, for an operator.
    func lowRoom(_ directory: String) -> LowRoom {
        switch narrowest {
        case .fileSystem:
            LowRoom(
                cause: "file system",
                text: "the file system of \(directory) has \(availableBytes) bytes left; free some room on it, or move the data directory "
                    + "to a larger one")
        case .journal: lowRoom("journal", directory + "/journal", journal)
        case .store: lowRoom("store", directory + "/store", store)
        }
    }

    private func lowRoom(_ name: String, _ path: String, _ room: EnvironmentRoom) -> LowRoom {
        let start = "the \(name) in \(path) takes \(room.usedBytes) bytes of "
        let system = "\(start)the \(room.limitBytes) that the system's limit of "
        switch room.limitSource {
        case .configuration: break
        case .addressSpace:
            return LowRoom(
                cause: "\(name), address space", text: "\(system)address space allows (ulimit -v); raise that and start again")
        case .fileSize:
            return LowRoom(cause: "\(name), file size", text: "\(system)file sizes allows (ulimit -f); raise that and start again")
        }
        let limit = "\(start)storageBytesMax: \(room.limitBytes)"
        if let holder = room.holder, holder.bytes >= room.limitBytes / 8 {
            let process = holder.processID.map { "process \($0)" } ?? "a process of another container"
            return LowRoom(
                cause: "\(name), \(process)",
                text: "\(limit), \(holder.bytes) of them because \(process) has been reading it since before they were freed; let that "
                    + "process go on, or end it")
        }
        return LowRoom(
            cause: name,
            text: "\(limit), which leaves what acknowledgements and checkpoints may need; raise storageBytesMax and start again, or wait "
                + "until recipients have fetched their messages")
    }
}
