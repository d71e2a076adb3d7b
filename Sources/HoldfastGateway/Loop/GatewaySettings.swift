internal import Foundation
internal import HoldfastConnection
package import HoldfastCore
package import HoldfastIO
internal import HoldfastStorage
internal import HoldfastWire

// A configuration as the parts of the gateway want it.
extension Configuration {
    var connectionSettings: ConnectionSettings {
        var settings = ConnectionSettings()
        settings.limits = connectionLimits
        settings.ticketSeconds = UInt32(clamping: ticketDays * 86400)
        settings.retryAfterSeconds = UInt32(retryAfterSeconds)
        settings.goAwayAddress = goAwayAddress
        settings.storm.isOn = stormControl
        settings.storm.inFlightMax = openingsInFlightMax
        settings.storm.waitMilliseconds = UInt32(openingWaitSeconds) * 1000
        return settings
    }

    var connectionLimits: ConnectionLimits {
        var limits = ConnectionLimits()
        limits.heartbeatSecondsMin = UInt32(heartbeatSecondsMin)
        limits.heartbeatSecondsMax = UInt32(heartbeatSecondsMax)
        limits.paceSecondsMax = UInt32(paceSecondsMax)
        limits.firstFrameMilliseconds = UInt32(firstFrameSeconds) * 1000
        limits.frames = WireLimits(frameBytesMax: frameBytesMax)
        limits.sendsInFlightMax = UInt8(sendsInFlightMax)
        limits.creditMessages = UInt32(creditMessages)
        limits.creditBytes = UInt32(creditBytes)
        limits.controlFramesPerSecond = UInt32(controlFramesPerSecondMax)
        limits.controlFramesBurst = UInt32(controlFramesBurstMax)
        limits.bytesPerSecond = UInt32(bytesPerSecondMax)
        limits.bytesBurst = UInt32(clamping: bytesPerSecondMax * 4)
        limits.tokenWarningSeconds = UInt32(tokenWarningSeconds)
        return limits
    }

    var coreConfiguration: CoreConfiguration {
        var core = CoreConfiguration()
        core.inboxMessagesMax = UInt32(inboxMessagesMax)
        core.inboxBytesMax = UInt32(inboxBytesMax)
        core.inboxDays = UInt32(inboxDays)
        core.idempotencyKeysMax = idempotencyKeysMax
        core.inboxPolicy = inboxPolicy
        core.auditDays = UInt32(auditDays)
        core.sessionDays = UInt32(sessionDays)
        core.devicesPerUserMax = devicesPerUserMax
        core.bodyBytesMax = bodyBytesMax
        core.creditMessages = UInt32(creditMessages)
        core.creditBytes = UInt32(creditBytes)
        let limits = sizing()
        core.cachedUsersMax = limits.cachedUsersMax
        core.cachedLookupsMax = limits.cachedLookupsMax
        core.checkpointEntries = limits.checkpointEntries
        core.checkpointEntriesMax = limits.checkpointEntriesMax
        core.pagesInFlightMax = limits.pagesInFlightMax
        core.retryAfterMilliseconds = UInt32(retryAfterSeconds) * 1000
        core.clock = clockRule
        core.hash = .random()
        return core
    }

    /// Whether a key for tokens is configured; else a development key is made.
    var hasTokenKey: Bool { !(tokenSecretFile + tokenPublicKeyFile + tokenKeySetFile).isEmpty }

    /// What is demanded of tokens.
    package var tokenRules: TokenRules {
        TokenRules(issuer: tokenIssuer, audience: tokenAudience, clockToleranceSeconds: tokenClockSeconds)
    }

    /// Which times of the machine's clock are believed.
    package var clockRule: ClockRule {
        var rule = ClockRule()
        rule.earliest = ClockRule.releaseMilliseconds
        rule.aheadMax = UInt64(clockAheadYearsMax) * ClockRule.yearMilliseconds
        return rule
    }

    /// With a value for every key that is `auto`: what the memory allows.
    package func sized(for limit: MemoryLimit?) -> Configuration { sized(memoryBytes: limit?.bytes, loops: loopCount) }

    var storageConfiguration: StorageConfiguration {
        var storage = StorageConfiguration()
        storage.mapBytesMax = storageBytesMax
        storage.reserveBytes = reserveBytes
        // The readers, and those that count pages: the journal and the checkpoint.
        storage.readersKept = readers + 2
        // The credits of all loops and of the port bound it: a message gives its own back when its batch is synced.
        let limits = sizing()
        storage.unsyncedBytesMax =
            loopCount * (limits.commandBytesPerLoopMax + limits.commandsPerLoopMax * Self.recordBytesBesidesBody)
            + CorePort.bytesMax + CorePort.creditsMax * Self.recordBytesBesidesBody
        return storage
    }

    /// What a record holds at most beside its body and names, with room to spare.
    private static let recordBytesBesidesBody = 128

    /// Event loops: as configured, or one per core.
    var loopCount: Int { loops > 0 ? loops : ProcessInfo.processInfo.activeProcessorCount }

    /// Threads of a gateway that serves: loops, readers, tokens, control API; core, journal, checkpoint, supervisor, signals, reload, audit and log; and
    /// some of Swift's pool.
    package var threadCount: Int { loopCount + readers + RunningGateway.tokenThreads + Self.controlThreads + 11 }

    /// Threads that read and write the sockets of the control API.
    package static let controlThreads = 2

    func loopConfiguration(index: Int) -> EventLoopConfiguration {
        var loop = EventLoopConfiguration()
        loop.name = "loop-\(index)"
        loop.connectionCountMax = sizing().connectionsMax
        loop.handshakesPerAddressMax = connectionsPerAddressMax
        // One whole frame and what came with the read that completed it.
        loop.keptBytesMax = frameBytesMax + 16
        loop.unsentBytesMax = unsentBytesMax
        loop.acceptCountMax = acceptsPerTurnMax
        loop.handshakeStepCountMax = handshakeStepsPerTurnMax
        loop.handshakeBacklogMilliseconds = stormControl ? UInt32(handshakeBacklogSeconds) * 1000 : 0
        loop.stallTimeoutMilliseconds = UInt32(stallSeconds) * 1000
        var refusal: [UInt8] = []
        ServerFrameWriter.closed(
            .gatewayFull, retryAfterMilliseconds: UInt32(retryAfterSeconds) * 2000, text: [UInt8]().span, to: &refusal)
        loop.refusalBytes = refusal
        return loop
    }
}
