import HoldfastWire
import Testing

@testable import HoldfastCore

@Suite struct NumberIndexTests {
    @Test func `it finds what a dictionary finds, through growth and removals`() {
        var users = ContiguousArray<UserRow>()
        var index = NumberIndex()
        var model: [UInt64: UserSlot] = [:]
        var state: UInt64 = 1
        func random(_ bound: UInt64) -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (state >> 33) % bound
        }
        for _ in 0..<20_000 {
            let number = random(600) + 1
            if let slot = model[number] {
                index.remove(slot, in: users)
                users[slot.index].number = 0
                model[number] = nil
            } else {
                let slot = UserSlot(rawValue: UInt32(users.count))
                users.append(UserRow(number: number))
                index.insert(slot, in: users)
                model[number] = slot
            }
            let asked = random(600) + 1
            #expect(index.find(asked, in: users) == model[asked])
        }
        #expect(index.count == model.count)
        for number in UInt64(1)...600 { #expect(index.find(number, in: users) == model[number]) }
    }

    @Test func `a user and a session take no more than is said`() {
        #expect(MemoryLayout<UserRow>.stride <= 80)
        #expect(MemoryLayout<SessionRow>.stride <= 80)
    }

    @Test func `what is copied for each message is plain, or as good as that`() {
        #expect(_isPOD(Command.self) && MemoryLayout<Command>.stride <= 96)
        #expect(_isPOD(Effect.self) && _isPOD(Push.self) && _isPOD(EntryNode.self))
    }
}
