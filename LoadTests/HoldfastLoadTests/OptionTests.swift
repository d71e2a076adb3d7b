import ArgumentParser
import Testing

@testable import holdfast_load

/// An option that another one makes meaningless is refused, and the message says which.
@Suite struct OptionTests {
    private func message(_ command: any ParsableCommand.Type, _ words: String) -> String? {
        do {
            _ = try command.parseAsRoot(words.split(separator: " ").map(String.init))
            return nil
        } catch {
            return command.message(for: error)
        }
    }

    @Test(arguments: [
        ("connect --rate 100 --in-flight 5", "--in-flight needs --rate max"),
        ("idle --rate 100 --in-flight 5", "--in-flight needs --rate max"),
        ("heartbeat --rate 100 --outstanding 2", "--outstanding needs --rate max"),
        ("throughput --clients 9 --senders 4 --receivers 5", "leave --clients out"),
        ("connect --tls-resume", "--tls-resume needs --tls"),
        ("storm --tls-resume", "--tls-resume needs --tls"),
        ("flap --tls-resume", "--tls-resume needs --tls"),
        ("storm --duration 3", "--duration is that of --durable-rate"),
        ("storm --rounds 2 --durable-rate 100", "leave --durable-rate out"),
        ("storm --rounds 0", "--rounds must be 1 to 1000"),
        ("overload --part disconnect --factors 1", "leave them out with --part disconnect"),
        ("overload --part disconnect --share 1", "leave them out with --part disconnect"),
        ("overload --factors 1,fast", "'fast' is not 0.01 to 100"),
        ("overload --silence 0", "--silence must be 1 to 3600"),
    ])
    func `a combination without a meaning is refused`(words: String, part: String) {
        let message = message(HoldfastLoad.self, words)
        #expect(message?.contains(part) == true, "\(words): \(message ?? "accepted")")
    }

    @Test(arguments: [
        "connect --rate 100", "connect --in-flight 5", "connect --rate max --in-flight 5", "idle --in-flight 0",
        "heartbeat --outstanding 2",
        "heartbeat --rate 100", "throughput --clients 9 --senders 4", "connect --tls --tls-resume", "storm --rounds 10",
        "storm --durable-rate 100 --duration 3", "overload --part disconnect", "overload --part arrivals --factors 1,2 --share 0",
    ])
    func `others are accepted`(words: String) { #expect(message(HoldfastLoad.self, words) == nil) }
}
