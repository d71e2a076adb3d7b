package import HoldfastWire

/// What every connection of a gateway may do. Each limit is told in `WELCOME`, or by the close code when it is exceeded.
package struct ConnectionLimits: Equatable, Sendable {
    package var heartbeatSecondsMin: UInt32 = 30
    package var heartbeatSecondsMax: UInt32 = 300
    /// The longest silence that `PACE` can ask for.
    package var paceSecondsMax: UInt32 = 3600
    package var firstFrameMilliseconds: UInt32 = 10_000
    /// From the first frame to `WELCOME`: beyond it the gateway has too much to do, and says so.
    package var attachMilliseconds: UInt32 = 30_000
    package var frames = WireLimits.standard
    package var sendsInFlightMax: UInt8 = 127
    package var creditMessages: UInt32 = 1024
    package var creditBytes: UInt32 = 1 << 20
    /// Frames that neither bring a message nor acknowledge one: those are bounded by sends in flight and by deliveries.
    package var controlFramesPerSecond: UInt32 = 200
    package var controlFramesBurst: UInt32 = 2000
    package var bytesPerSecond: UInt32 = 64 << 20
    package var bytesBurst: UInt32 = 256 << 20
    /// How long before a token expires the client is told.
    package var tokenWarningSeconds: UInt32 = 60
    package init() {}

    /// The longest silence that is tolerated: half as long again as the client was asked to keep, or promised with `PACE`.
    func silenceMillisecondsMax(paceSeconds: UInt32) -> UInt32 {
        max(heartbeatSecondsMax, min(paceSeconds, paceSecondsMax)) * 1500
    }
}
