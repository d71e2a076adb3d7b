import HoldfastGateway
import Testing

@Suite struct MemorySizingTests {
    private func sizing(_ mebibytes: Int, loops: Int = 2, hasTLS: Bool = true) -> MemorySizing {
        MemorySizing(memoryBytes: mebibytes << 20, loops: loops, hasTLS: hasTLS)
    }

    @Test func `with enough memory every limit but that of connections stands at its greatest`() {
        var large = sizing(6 << 10)
        #expect(large.connectionsMax < MemorySizing().connectionsMax)
        large.connectionsMax = MemorySizing().connectionsMax
        #expect(large == MemorySizing())
        #expect(sizing(64 << 10) == MemorySizing())
        #expect(Configuration().sizing() == MemorySizing())
    }

    @Test(arguments: [16, 32, 64, 100, 128, 200, 256, 512, 1024, 2048, 4096])
    func `with less memory no limit is greater, and the values are a good configuration`(_ mebibytes: Int) throws {
        for loops in [1, 2, 16] {
            let (small, large) = (sizing(mebibytes, loops: loops), sizing(2 * mebibytes, loops: loops))
            for path in [
                \MemorySizing.connectionsMax, \.commandsPerLoopMax, \.commandBytesPerLoopMax, \.pagesInFlightMax, \.checkpointEntriesMax,
                \.checkpointEntries, \.cachedUsersMax, \.cachedLookupsMax,
            ] {
                #expect(small[keyPath: path] <= large[keyPath: path])
            }
            let sized = Configuration().sized(memoryBytes: mebibytes << 20, loops: loops)
            try sized.check(source: "sizing")
            for key in ConfigurationKey.all {
                let written = try Configuration(yaml: "\(key.name): \(key.text(in: sized))", source: "sizing")
                #expect(key.text(in: written) == key.text(in: sized))
            }
        }
    }

    @Test func `what is kept fits the memory`() {
        for mebibytes in [64, 100, 200, 500, 1_000] {
            let sizing = sizing(mebibytes)
            // A page of LMDB for each row of a checkpoint, and what is kept in rows.
            let bytes =
                sizing.checkpointEntriesMax * 4_096 + sizing.cachedUsersMax * 300 + sizing.cachedLookupsMax * 600
                + 2 * 4 * sizing.commandBytesPerLoopMax + sizing.pagesInFlightMax << 16 + sizing.connectionsMax * 14_500
            #expect(bytes < mebibytes << 20)
        }
    }

    @Test func `connections without TLS cost less`() {
        #expect(sizing(100, hasTLS: false).connectionsMax > 10 * sizing(100).connectionsMax)
        var configuration = Configuration()
        configuration.tlsListen = []
        #expect(configuration.sizing(memoryBytes: 100 << 20).connectionsMax > 10 * sizing(100).connectionsMax)
    }

    @Test func `what is set stays as it is, and the log names the rest`() throws {
        let configuration = try Configuration(
            yaml: "{cachedUsersMax: 5_000_000, connectionsMax: auto, checkpointEntries: 800_000}", source: "f")
        let sized = configuration.sized(memoryBytes: 100 << 20, loops: 2)
        #expect(sized.cachedUsersMax == 5_000_000)
        #expect(sized.checkpointEntries == 800_000)
        #expect(sized.checkpointEntriesMax == 1_600_000)
        #expect(sized.connectionsMax == sizing(100).connectionsMax)
        let text = configuration.automaticText(sized)
        #expect(text.contains("connectionsMax \(sizing(100).connectionsMax), "))
        #expect(text.contains("checkpointEntriesMax 1600000"))
        #expect(!text.contains("cachedUsersMax") && !text.contains("checkpointEntries 800000"))
    }

    @Test func `a pair of which the greater is set stays a pair`() throws {
        let configuration = try Configuration(yaml: "checkpointEntriesMax: 2000", source: "f")
        #expect(configuration.sizing().checkpointEntries == 1_000)
        try configuration.sized(memoryBytes: nil, loops: 1).check(source: "f")
    }

    @Test func `a frame of the greatest length fits, whatever the memory is`() throws {
        let configuration = try Configuration(yaml: "{frameBytesMax: 2000000, unsentBytesMax: 9000000}", source: "f")
        try configuration.sized(memoryBytes: 64 << 20, loops: 2).check(source: "f")
    }
}
