internal import HoldfastIO
internal import HoldfastWire

extension Configuration {
    /// Checks what no single key shows: addresses, and limits that depend on each other.
    ///
    /// Called again after the command line's options were put in; `source` is what errors call the origin of the values.
    package func check(source: String) throws(ConfigurationError) {
        if let error = ConfigurationError(problems(source: source)) { throw error }
    }

    /// All of what `check` finds.
    func problems(source: String) -> [ConfigurationError] {
        var problems: [ConfigurationError] = []
        func add(_ key: String, _ value: String, _ problem: String, _ advice: String) {
            problems.append(ConfigurationError(source: source, key: key, value: value, problem: problem, advice: advice))
        }
        if data.isEmpty { add("data", "", "is empty", "Name a directory, such as ./holdfast-data") }
        if listen.isEmpty && tlsListen.isEmpty {
            add("listen", "[]", "leaves no listener", "Give listen or tlsListen an address")
        }
        for (key, values) in [("listen", listen), ("tlsListen", tlsListen)] {
            for value in values {
                let address: SocketAddress
                do { address = try SocketAddress(parsing: value) } catch {
                    add(key, value, "is not ADDRESS:PORT: \(error)", "Write an address, such as 127.0.0.1:7400 or [::]:7443")
                    continue
                }
                if key == "listen" && !address.isLoopback && !allowPlaintext {
                    add(
                        key, value, "is not loopback, and plaintext would leave the machine",
                        "Use tlsListen, or set allowPlaintext (--allow-plaintext) when a balancer before it does TLS")
                }
            }
        }
        problems += controlProblems(source: source)
        for value in proxyProtocolFrom {
            if (try? AddressRange(parsing: value)) == nil {
                add("proxyProtocolFrom", value, "is not an address or a range", "Write 10.1.2.3, 10.0.0.0/8 or fd00::/8")
            }
        }
        if !goAwayAddress.isEmpty {
            do {
                if try SocketAddress.split(goAwayAddress).port == 0 { throw AddressError("port 0 is nobody's") }
            } catch {
                add(
                    "goAwayAddress", goAwayAddress, "is not HOST:PORT: \(error)",
                    "Write where clients are to go, such as gateway2.example.com:7443")
            }
        }
        if heartbeatSecondsMin > heartbeatSecondsMax {
            add(
                "heartbeatSecondsMin", String(heartbeatSecondsMin), "is above heartbeatSecondsMax, \(heartbeatSecondsMax)", "Lower it")
        }
        if paceSecondsMax < 3 * heartbeatSecondsMax {
            add(
                "paceSecondsMax", String(paceSecondsMax), "is below three times heartbeatSecondsMax, \(3 * heartbeatSecondsMax)", "Raise it"
            )
        }
        let bodyBytesCeiling = frameBytesMax - WireLimits.bodyReserveBytes
        if bodyBytesMax > bodyBytesCeiling {
            add(
                "bodyBytesMax", String(bodyBytesMax), "is above frameBytesMax - \(WireLimits.bodyReserveBytes), \(bodyBytesCeiling)",
                "Lower it, or raise frameBytesMax")
        }
        if unsentBytesMax < 4 * frameBytesMax {
            add("unsentBytesMax", String(unsentBytesMax), "is below four times frameBytesMax, \(4 * frameBytesMax)", "Raise it")
        }
        if let commandBytesPerLoopMax, commandBytesPerLoopMax < 4 * frameBytesMax {
            add(
                "commandBytesPerLoopMax", String(commandBytesPerLoopMax), "is below four times frameBytesMax, \(4 * frameBytesMax)",
                "Raise it")
        }
        if let checkpointEntries, let checkpointEntriesMax, checkpointEntriesMax < 2 * checkpointEntries {
            add(
                "checkpointEntriesMax", String(checkpointEntriesMax), "is below twice checkpointEntries, \(2 * checkpointEntries)",
                "Raise it")
        }
        if tlsCertificate.isEmpty != tlsKey.isEmpty {
            add(
                tlsKey.isEmpty ? "tlsKey" : "tlsCertificate", "", "is empty while the other of tlsCertificate and tlsKey is set",
                "Set both or none")
        }
        return problems
    }
}
