/// Who is at the other end of the control socket.
package struct Peer: Equatable, Sendable {
    let uid: UInt32
    let pid: Int32

    /// What logs and the audit log call it.
    var name: String { "uid \(uid) pid \(pid)" }
}
