/// What the checkpoint that runs writes of users.
struct UserImages: Sendable {
    var rows = RowImages()
    var inboxes = TimelineImages()
}
