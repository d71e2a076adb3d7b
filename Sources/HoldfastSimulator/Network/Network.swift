import HoldfastClient
import HoldfastCore
import HoldfastTestSupport

/// The network between the phones and the gateway: late, cut at any byte, silent when it likes. What is in one connection keeps its order.
final class Network {
    /// Who hears of a connection's end.
    enum Witness: CaseIterable { case both, phone, gateway, nobody }

    unowned let world: World
    unowned let gateway: SimulatedGateway
    private var links = 0

    init(_ world: World, _ gateway: SimulatedGateway) {
        self.world = world
        self.gateway = gateway
    }

    private var latency: UInt64 { world.random.within(world.profile.latency) }

    /// The phone opens a connection; both sides hear of it, or only the phone that it can't be.
    func connect(_ phone: SimulatedPhone) -> Link {
        links += 1
        let link = Link(phone, number: links, now: world.time)
        world.after(latency) { [weak self, link] in self?.arrive(link) }
        return link
    }

    private func arrive(_ link: Link) {
        guard !link.up.isDead else { return }
        if let heal = partitionEnd(of: link) { return world.at(heal + latency) { [weak self] in self?.arrive(link) } }
        guard let run = gateway.run, run.accept(link) else {
            world.coverage.count(.connectRefused)
            return send(link, .down, .end(.unreachable("refused")))
        }
        world.after(latency) { if !link.down.isDead { link.phone.opened(link) } }
    }

    /// Puts something on its way.
    func send(_ link: Link, _ direction: Link.Direction, _ item: Link.Item) {
        if let nat = world.profile.natMilliseconds, world.time - link.usedAt > nat, !world.isHealed, !link.up.isDead {
            world.coverage.count(.natTimeout)
            world.note("the network forgets connection \(link.number)")
            link.up.isDead = true
            link.down.isDead = true
        }
        link.usedAt = world.time
        var pipe = direction == .up ? link.up : link.down
        guard !pipe.isDead, !pipe.hasEnded else { return }
        if case .end = item { pipe.hasEnded = true }
        pipe.last = max(pipe.last, world.time + latency)
        pipe.items.append((pipe.last, item))
        let arrival = pipe.last
        if direction == .up { link.up = pipe } else { link.down = pipe }
        world.at(arrival) { [weak self] in self?.deliver(link, direction) }
    }

    /// The first thing on its way arrives; each `send` leads to one call.
    private func deliver(_ link: Link, _ direction: Link.Direction) {
        let pipe = direction == .up ? link.up : link.down
        guard let first = pipe.items.first else { return }
        let due = max(first.arrival, partitionEnd(of: link) ?? 0)
        guard due <= world.time else {
            return world.at(due) { [weak self] in self?.deliver(link, direction) }
        }
        if direction == .up, let run = gateway.run, run.isStalled, !link.up.isDead { return run.holdArrivals(of: link) }
        if direction == .up {
            link.up.items.removeFirst()
            guard !link.up.isDead, let port = link.port else { return }
            switch first.item {
            case .bytes(let bytes): port.received(link, bytes)
            case .end: port.ended(link)
            }
        } else {
            link.down.items.removeFirst()
            guard !link.down.isDead else { return }
            switch first.item {
            case .bytes(let bytes): link.phone.received(link, bytes)
            case .end(let failure): link.phone.ended(link, failure)
            }
        }
    }

    /// What has arrived while the gateway's process stood still is read in one go.
    func deliverHeld(_ link: Link) {
        while let first = link.up.items.first, first.arrival <= world.time, partitionEnd(of: link) == nil { deliver(link, .up) }
    }

    private func partitionEnd(of link: Link) -> UInt64? {
        let end = link.phone.partitionedUntil
        return end > world.time && !world.isHealed ? end : nil
    }

    /// The connection breaks at any byte of what is on its way.
    func cut(_ link: Link, heard witness: Witness) {
        world.note("connection \(link.number) of \(link.phone.name) breaks, heard by \(witness)")
        if truncate(&link.up) { world.coverage.count(.cutInMidFrame) }
        if truncate(&link.down) { world.coverage.count(.cutInMidFrame) }
        if witness == .both || witness == .gateway { send(link, .up, .end(.broken("reset"))) } else { link.up.isDead = true }
        if witness == .both || witness == .phone { send(link, .down, .end(.broken("reset"))) } else { link.down.isDead = true }
    }

    /// Takes away the end of what is on its way.
    /// - Returns: whether a piece was cut in two.
    private func truncate(_ pipe: inout Link.Pipe) -> Bool {
        guard !pipe.hasEnded, !pipe.items.isEmpty else { return false }
        let kept = world.random.below(pipe.items.count + 1)
        guard kept < pipe.items.count else { return false }
        let items = pipe.items
        pipe.items = Array(items[..<kept])
        guard case .bytes(let bytes) = items[kept].item, bytes.count > 1 else { return false }
        let count = world.random.below(bytes.count)
        if count > 0 { pipe.items.append((items[kept].arrival, .bytes(Array(bytes[..<count])))) }
        return count > 0
    }
}
