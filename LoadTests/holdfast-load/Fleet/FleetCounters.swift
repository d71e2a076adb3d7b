/// What happened to the connections of a fleet.
struct FleetCounters: Sendable {
    /// Sessions that are open now.
    var connected = 0
    /// Connects that came to their `WELCOME`.
    var welcomes = 0
    /// Users who came once, and have gone.
    var visitors = 0
    /// `WELCOME`s, by what they said.
    var begun = 0
    var resumed = 0
    /// First frames sent.
    var hellos = 0
    var resumes = 0
    /// Attempts that no connection came of.
    var connectFailures = 0
    /// Connections that ended without the phone or the gateway having said so.
    var disconnects = 0
    /// What the gateway said when it closed a connection, by code.
    var closes: [UInt16: Int] = [:]
    /// What must not happen in a run, by name.
    var faults: [String: Int] = [:]
}
