extension Operation {
    /// What kind of room it takes among the requests under way.
    var room: RequestRoom.Kind {
        switch self {
        case .pushMessage: .push
        case .uploadMessages: .upload
        case .getEvents: .feed
        default: .question
        }
    }
}
