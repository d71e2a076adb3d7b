/// Network namespaces of this run.
enum NetworkNamespace {
    /// The program that makes them.
    static let ip = "/usr/sbin/ip"
}
