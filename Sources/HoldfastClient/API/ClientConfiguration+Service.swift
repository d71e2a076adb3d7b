extension ClientConfiguration {
    /// What a backend is to know that sends as a service account: its session sends and gets nothing, so that no inbox of the account fills up.
    ///
    /// Of the messages that wait for an answer as many are on their way as the gateway lets one session have, 127 unless it is configured otherwise; the
    /// others follow as answers come. A backend that has to send faster runs several clients, each with an instance of its own; order holds within each.
    /// - Parameters:
    ///   - account: the user's name; must be that of the token.
    ///   - instance: tells this process from the account's others. Of two with one name each ends the other's connection.
    ///   - unansweredMax: messages that may wait for an answer at once; `enqueue` waits when there are so many.
    public static func service(
        _ account: String, instance: String, endpoint: ClientEndpoint, unansweredMax: Int = 1_000
    ) -> ClientConfiguration {
        var configuration = ClientConfiguration(endpoint: endpoint, user: account, device: instance)
        configuration.isSendOnly = true
        configuration.outboxMessagesMax = unansweredMax
        return configuration
    }
}
