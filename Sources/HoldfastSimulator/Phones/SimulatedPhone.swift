import HoldfastClient
import HoldfastCore
import HoldfastTestSupport
import HoldfastWire

/// A phone: its disk, its app when that runs, and its user.
final class SimulatedPhone {
    private struct Backup {
        var files: [String: [UInt8]]
        var storedPosition: Position
        var textOfID: [UInt64: Int]
    }

    let number: Int
    let profile: PhoneProfile
    unowned let world: World
    unowned let network: Network
    unowned let oracle: Oracle
    let files = SimulatedFiles()
    let settings: ClientSettings
    private(set) var process: PhoneProcess?
    /// Where it is in the network; it changes with the way.
    private(set) var address: UInt32
    var partitionedUntil: UInt64 = 0
    private(set) var isInBackground = false
    private(set) var holdsAcknowledgements = false
    /// Of a transactional app: stored together with the effect of the message.
    var storedPosition = Position.zero
    /// The end of what the app was shown in this life.
    var shownThrough = Position.zero
    /// What the app knows of its messages; on the disk.
    var textOfID: [UInt64: Int] = [:]
    private var backup: Backup?
    /// It lost its power and its app hasn't run since: what follows the last certain write may look damaged, and isn't told from damage.
    private var hasTornEnd = false
    private var wantsConnection = false
    /// Its user doesn't open the app before.
    private var awayUntil: UInt64 = 0

    init(_ number: Int, _ profile: PhoneProfile, world: World, network: Network, oracle: Oracle) {
        self.number = number
        self.profile = profile
        self.world = world
        self.network = network
        self.oracle = oracle
        address = UInt32(number % 3)
        var limits = ClientSettings.Limits()
        limits.backoffMaxMilliseconds = 20_000
        limits.acknowledgeAfterMessages = 4
        limits.conversationsMax = 3
        limits.outboxMessagesMax = 60
        settings = ClientSettings(
            device: profile.device, user: profile.user, isSendOnly: profile.isSendOnly, isPersistent: true,
            resolvesPeers: profile.resolvesPeers, limits: limits)
    }

    var name: String { "\(profile.user)/\(profile.device)#\(number)" }

    var link: Link? { process?.link }

    // MARK: - What the network brings

    func opened(_ link: Link) { process?.opened(link) }

    func received(_ link: Link, _ bytes: [UInt8]) { process?.received(link, bytes) }

    func ended(_ link: Link, _ failure: TransportFailure) { process?.ended(link, failure) }

    // MARK: - Life

    /// The app is opened, and wants to be connected.
    func open() {
        guard awayUntil <= world.time else { return world.at(awayUntil) { [weak self] in self?.open() } }
        guard process == nil else { return wake() }
        do throws(ClientError) {
            let process = try PhoneProcess(self)
            hasTornEnd = false
            self.process = process
            wantsConnection = true
            process.connect()
        } catch {
            world.fail("\(name): the state can't be opened: \(error)")
        }
    }

    /// The user looks at the app: one that was stopped tries again.
    private func wake() {
        guard let process, wantsConnection else { return }
        if process.machine.phase == .stopped || process.machine.phase == .idle { process.connect() }
    }

    func openLater() { world.after(world.isHealed ? 300 : world.random.within(200...400_000)) { [weak self] in self?.open() } }

    func kill() {
        guard let process else { return }
        world.note("\(name): the app is killed")
        world.coverage.count(.appKilled)
        // The system closes what the process had open, after what was written.
        if let link = process.link { network.send(link, .up, .end(.closedByPeer)) }
        gone(process)
        files.releaseLock()
        openLater()
    }

    /// The app is closed, and stays so for a time.
    func leave(for milliseconds: UInt64) {
        awayUntil = world.time + milliseconds
        if process == nil { openLater() } else { kill() }
    }

    func killInMidAction() { process?.dieAfter(actions: world.random.below(12)) }

    func diedInMidAction() {
        world.coverage.count(.killedInMidAction)
        kill()
    }

    /// The phone loses its power.
    func reboot() {
        guard let process else { return }
        world.note("\(name): the phone reboots")
        world.coverage.count(.phoneRebooted)
        if let link = process.link { network.cut(link, heard: world.random.chance(0.3) ? .gateway : .nobody) }
        gone(process)
        hasTornEnd = true
        if files.losePower(&world.random) > 0 { world.coverage.count(.unsyncedWritesLost) }
        openLater()
    }

    private func gone(_ process: PhoneProcess) {
        process.die()
        self.process = nil
        shownThrough = .zero
        isInBackground = false
    }

    func backUp() {
        guard !oracle.records[number].mayBeDamaged else { return }
        backup = Backup(files: files.copy, storedPosition: storedPosition, textOfID: textOfID)
    }

    func restore() {
        guard let backup else { return }
        world.note("\(name): RESTORE of the phone")
        world.coverage.count(.phoneRestored)
        if let process {
            if let link = process.link { network.cut(link, heard: .nobody) }
            gone(process)
        }
        files.restore(backup.files)
        storedPosition = backup.storedPosition
        textOfID = backup.textOfID
        oracle.phoneRestored(self)
        openLater()
    }

    func damageState() {
        guard process == nil || world.random.chance(0.5), !hasTornEnd else { return }
        if let process {
            if let link = process.link { network.cut(link, heard: .both) }
            gone(process)
            files.releaseLock()
            openLater()
        }
        guard files.flipBit(of: ClientStateFile.name, &world.random) else { return }
        world.note("\(name): a bit of the state file flips")
        world.coverage.count(.stateDamaged)
        oracle.stateMayBeDamaged(self)
    }

    // MARK: - The user and the way

    func send(_ text: Int, body: [UInt8], to recipient: Recipient, waitsForRoom: Bool) -> Bool {
        guard let process, !process.isSuspended else { return false }
        return process.send(body, to: recipient, waitsForRoom: waitsForRoom, textID: text)
    }

    func withdrawOne() {
        guard let process, !process.isSuspended, let entry = process.machine.outboxEntries.last else { return }
        if let text = textOfID[entry.id] { oracle.texts[text].isWithdrawing = true }
        guard process.withdraw(entry.id) else { return }
        world.coverage.count(.withdrawn)
    }

    func changeAddress() {
        world.note("\(name): another address")
        world.coverage.count(.addressChange)
        address = UInt32(world.random.below(6))
        guard let link else { return }
        network.cut(link, heard: .nobody)
        // Some systems tell the app, sooner or later.
        if world.random.chance(0.6), let process {
            world.after(world.random.within(0...30_000)) { process.ended(link, .broken("another network")) }
        }
    }

    func goToBackground(for milliseconds: UInt64) {
        guard let process, !process.isSuspended else { return }
        world.coverage.count(.background)
        isInBackground = true
        process.setPace(seconds: UInt32(60 + world.random.below(600)))
        world.after(milliseconds) { [weak self, weak process] in
            guard let self, let process, process.isAlive else { return }
            isInBackground = false
            process.setPace(seconds: 0)
        }
    }

    func suspend(for milliseconds: UInt64) {
        guard let process else { return }
        world.coverage.count(.suspended)
        process.suspend(milliseconds)
    }

    func holdAcknowledgements(for milliseconds: UInt64) {
        world.coverage.count(.acknowledgementsHeld)
        holdsAcknowledgements = true
        world.after(milliseconds) { [weak self] in
            self?.holdsAcknowledgements = false
            self?.process?.acknowledgeLater()
        }
    }

    func logOut() {
        guard let process, !process.isSuspended, process.machine.phase == .open else { return }
        world.note("\(name): logs out")
        // What becomes of the outbox is told meanwhile.
        oracle.loggedOut(self)
        guard process.close(.logout) else { return }
        world.coverage.count(.loggedOut)
        connectLater()
    }

    func disconnect() {
        guard let process, !process.isSuspended else { return }
        world.coverage.count(.disconnected)
        _ = process.close(.keep)
        connectLater()
    }

    private func connectLater() {
        world.after(world.isHealed ? 500 : world.random.within(500...600_000)) { [weak self] in self?.wake() }
    }

    func stateChanged(_ state: ConnectionState) {
        world.note("\(name): \(state)")
        guard case .stopped(let reason) = state else { return }
        oracle.stopped(self, reason)
        guard !(world.isHealed && profile.isTwin) else { return }
        world.after(world.isHealed ? 2_000 : world.random.within(5_000...900_000)) { [weak self] in self?.wake() }
    }

    /// Everything that was done to it is over; its user opens the app.
    func heal() {
        partitionedUntil = 0
        address = 1_000 + UInt32(number)
        holdsAcknowledgements = false
        awayUntil = 0
        process?.wakeUp()
        open()
        process?.acknowledgeLater()
    }

    func makeToken() -> [UInt8] {
        let wall = world.issuerWall / 1000
        var expires = wall + world.random.within(world.profile.tokenSeconds)
        if world.random.chance(0.03), !world.isHealed {
            world.coverage.count(.tokenExpired)
            expires = wall - 1
        }
        return SimulatedToken.text(user: profile.user, device: profile.device, issuedAt: wall, expires: expires, limit: profile.limit)
    }

    func end() { process = nil }
}
