internal import Glibc
internal import HoldfastGateway
internal import HoldfastIO
internal import NIOCore

/// The place of the control API's unix socket, and who may come in by it.
enum ControlSocket {
    /// `struct ucred` of Linux.
    private struct Credentials {
        var pid: Int32 = 0
        var uid: UInt32 = 0
        var gid: UInt32 = 0
    }

    private static let directoryMode: mode_t = 0o700
    private static let socketMode: mode_t = 0o600

    /// Makes the folder when it is missing, and removes what a process that is dead has left there.
    static func prepare(_ path: String) throws(GatewayError) {
        let folder = folder(of: path)
        if unsafe mkdir(folder, directoryMode) != 0 && errno != EEXIST { throw failure(path, "its folder \(folder) can't be made") }
        guard let facts = try? FileFacts(path: folder) else { throw failure(path, "its folder \(folder) can't be looked at") }
        guard facts.mode & 0o022 == 0, facts.owner == getuid() || facts.owner == 0 else {
            throw GatewayError(
                configuration: "controlSocket", path, "lies in \(folder), where others may put a socket of theirs in its place",
                "Let only the gateway's user write there (chmod 700), or name another folder")
        }
        guard let facts = try? FileFacts(path: path, followsLinks: false) else { return }
        guard facts.isSocket else {
            throw GatewayError(
                configuration: "controlSocket", path, "is there and is not a socket", "Remove the file, or name another path")
        }
        guard try !isAlive(path) else {
            throw GatewayError(
                configuration: "controlSocket", path, "is served by another process", "Stop that process, or name another path")
        }
        if unsafe unlink(path) != 0 { throw failure(path, "the socket of a process that is dead can't be removed") }
    }

    /// Lets only the gateway's user and root connect, as far as the file can say it.
    static func close(toOthers path: String) throws(GatewayError) {
        if unsafe chmod(path, socketMode) != 0 { throw failure(path, "its mode can't be set") }
    }

    /// Whether somebody accepts connections there.
    static func isAlive(_ path: String) throws(GatewayError) -> Bool {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        guard descriptor >= 0 else { throw failure(path, "no socket can be made") }
        defer { Glibc.close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { room in
            // The configuration's check has counted the bytes.
            for (index, byte) in path.utf8.prefix(room.count - 1).enumerated() { unsafe room[index] = byte }
        }
        let status = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        // A full backlog (EAGAIN) is somebody's, too.
        return status == 0 || errno == EAGAIN || errno == EINPROGRESS
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private static func failure(_ path: String, _ what: String) -> GatewayError {
        let reason = unsafe String(cString: strerror(errno))
        return GatewayError(
            configuration: "controlSocket", path, "can't be used: \(what): \(reason)",
            "Check the folder, name another path, or leave the key empty")
    }

    /// Who has connected, if he may: root and the gateway's own user.
    static func peer(of channel: any Channel) -> EventLoopFuture<Peer> {
        guard let provider = channel as? any SocketOptionProvider else { return channel.eventLoop.makeFailedFuture(PeerRefused()) }
        let credentials: EventLoopFuture<Credentials> = provider.unsafeGetSocketOption(
            level: .socket, name: NIOBSDSocket.Option(rawValue: SO_PEERCRED))
        return credentials.flatMapThrowing { credentials in
            guard credentials.uid == 0 || credentials.uid == getuid() else { throw PeerRefused() }
            return Peer(uid: credentials.uid, pid: credentials.pid)
        }
    }
}

/// A process of another user has connected to the control socket.
struct PeerRefused: Error {}
