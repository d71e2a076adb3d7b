internal import ArgumentParser
internal import Foundation

/// `holdfast users`.
struct UsersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "users", abstract: "Shows the users of a running gateway, and says who may come in.",
        discussion: """
            EXAMPLE
              holdfast users list --prefix ali
              holdfast users show alice
              holdfast users revoke alice --device phone
              holdfast users block alice --for 7d --reason "stolen phone"
            """,
        subcommands: [List.self, Show.self, Revoke.self, Block.self, Unblock.self, Disconnect.self])

    /// `holdfast users list`.
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists users in the order in which the gateway came to know them.",
            discussion: """
                EXAMPLE
                  holdfast users list --prefix ali --limit 1000
                """)

        @Option(help: ArgumentHelp("Only those whose names begin with it.", valueName: "text"))
        var prefix: String?

        @Option(help: ArgumentHelp("Goes on after this one: the number that the last page has as next.", valueName: "number"))
        var after: UInt64?

        @Option(help: ArgumentHelp("At most so many, 1 to 1,000.", valueName: "n"))
        var limit = 100

        @OptionGroup var control: ControlOptions

        private struct Page: Decodable {
            struct User: Decodable {
                var name: String
                var number: String
            }
            var users: [User]
            var next: String?
        }

        /// Shows a page.
        func run() async throws {
            var query = "limit=\(limit)"
            if let after { query += "&after=\(after)" }
            if let prefix { query += "&prefix=" + ControlClient.path(prefix) }
            let answer = try await control.client.request(.get, "/v1/users?\(query)")
            try control.show(answer, as: Page.self) { page in
                page.users.map(\.name) + (page.next.map { ["(more: --after \($0))"] } ?? [])
            }
        }
    }

    /// `holdfast users show`.
    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows a user: what waits, and the sessions of the devices.",
            discussion: """
                EXAMPLE
                  holdfast users show alice --json
                """)

        @Argument(help: "The user's name.")
        var user: String

        @OptionGroup var control: ControlOptions

        private struct User: Decodable {
            struct Inbox: Decodable {
                struct Oldest: Decodable {
                    var position: String
                    var time: String?
                    var expires: String?
                }
                var messages: Int
                var bytes: Int
                var oldest: Oldest?
            }
            struct Session: Decodable {
                var session: String
                var device: String
                var connected: Bool
                var ended: Bool
                var cursor: String
                var lastSeen: String?
                var connectedSince: String?
                var address: String?
            }
            struct Block: Decodable {
                var reason: String?
                var until: String?
                /// False: its time is over.
                var holds: Bool
            }
            var name: String
            var connected: Bool
            var inbox: Inbox
            var sessions: [Session]
            var block: Block?
        }

        /// Shows it.
        func run() async throws {
            let answer = try await control.client.request(.get, "/v1/users/" + ControlClient.path(user))
            try control.show(answer, as: User.self) { user in
                var lines = [
                    "\(user.name): \(user.connected ? "connected" : "away"), \(user.inbox.messages) messages wait, \(user.inbox.bytes) bytes"
                ]
                if let oldest = user.inbox.oldest {
                    lines.append(
                        "  the oldest at position \(oldest.position)" + (oldest.time.map { ", of \($0)" } ?? "")
                            + (oldest.expires.map { ", kept until \($0)" } ?? ""))
                }
                if let block = user.block, block.holds {
                    lines.append("  blocked \(block.until.map { "until \($0)" } ?? "for ever")" + (block.reason.map { ": \($0)" } ?? ""))
                }
                for session in user.sessions {
                    let state = session.ended ? "ended" : session.connected ? "connected" : "away"
                    let seen =
                        session.connected
                        ? (session.connectedSince.map { " since \($0)" } ?? "") + (session.address.map { " from \($0)" } ?? "")
                        : session.lastSeen.map { ", last seen about \($0)" } ?? ""
                    lines.append(
                        "  \(session.device.isEmpty ? "(a device of before)" : session.device): session \(session.session), \(state)\(seen), "
                            + "has everything through \(session.cursor)")
                }
                return lines
            }
        }
    }

    /// `holdfast users revoke`.
    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Ends sessions for good: one, a device's, or all with the tokens that made them.",
            discussion: """
                Without --session and --device all sessions of the user end, and tokens that were issued before the time are refused from
                now on; tokens need the claim iat for such a user. Exit code 64 when there is no such user, session or device.

                EXAMPLE
                  holdfast users revoke alice
                  holdfast users revoke alice --before 2026-11-30T12:00:00Z
                  holdfast users revoke alice --device phone
                """)

        @Argument(help: "The user's name.")
        var user: String

        @Option(help: ArgumentHelp("Only this session.", valueName: "number"))
        var session: UInt64?

        @Option(help: ArgumentHelp("Only the session of this device.", valueName: "name"))
        var device: String?

        @Option(help: ArgumentHelp("Tokens that were issued before this time (RFC 3339). (default: now)", valueName: "time"))
        var before: String?

        @OptionGroup var control: ControlOptions

        /// What can't be asked for together is refused.
        func validate() throws {
            if [session != nil, device != nil, before != nil].count(where: { $0 }) > 1 {
                throw ValidationError("--session, --device and --before are three ways to revoke: give one of them.")
            }
        }

        /// Does it.
        func run() async throws {
            let path = "/v1/users/" + ControlClient.path(user)
            if let session {
                try await control.act(.delete, "\(path)/sessions/\(session)")
            } else if let device {
                try await control.act(.delete, "\(path)/devices/" + ControlClient.path(device))
            } else {
                try await control.act(.post, "\(path)/revoke", json: ["before": before ?? Date().ISO8601Format()])
            }
        }
    }

    /// `holdfast users block`.
    struct Block: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Keeps a user out, whatever token or ticket comes; sessions and messages stay.",
            discussion: """
                EXAMPLE
                  holdfast users block alice --for 7d --reason "stolen phone"
                """)

        @Argument(help: "The user's name; somebody who isn't known yet can be blocked, too.")
        var user: String

        @Option(name: .customLong("for"), help: ArgumentHelp("How long: 90s, 15m, 1h, 7d. (default: until unblocked)", valueName: "time"))
        var duration: TimeSpan?

        @Option(help: ArgumentHelp("For operators; at most 255 bytes.", valueName: "text"))
        var reason: String?

        @OptionGroup var control: ControlOptions

        /// Does it.
        func run() async throws {
            var block: [String: Any] = [:]
            block["reason"] = reason
            if let duration { block["until"] = Date(timeIntervalSinceNow: Double(duration.seconds)).ISO8601Format() }
            try await control.act(.put, "/v1/users/\(ControlClient.path(user))/block", json: block)
        }
    }

    /// `holdfast users unblock`.
    struct Unblock: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lets a user in again.",
            discussion: """
                EXAMPLE
                  holdfast users unblock alice
                """)

        @Argument(help: "The user's name.")
        var user: String

        @OptionGroup var control: ControlOptions

        /// Does it.
        func run() async throws {
            try await control.act(.delete, "/v1/users/\(ControlClient.path(user))/block")
        }
    }

    /// `holdfast users disconnect`.
    struct Disconnect: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Closes the connections of a user, who may come back.",
            discussion: """
                EXAMPLE
                  holdfast users disconnect alice --retry-after 60
                """)

        @Argument(help: "The user's name.")
        var user: String

        @Option(help: ArgumentHelp("Only this session's connection.", valueName: "number"))
        var session: UInt64?

        @Option(help: ArgumentHelp("When the devices may come back, 0 to 3,600.", valueName: "seconds"))
        var retryAfter = 0

        @OptionGroup var control: ControlOptions

        /// Does it.
        func run() async throws {
            var body: [String: Any] = ["retryAfterSeconds": retryAfter]
            if let session { body["session"] = "\(session)" }
            try await control.act(.post, "/v1/users/\(ControlClient.path(user))/disconnect", json: body)
        }
    }
}
