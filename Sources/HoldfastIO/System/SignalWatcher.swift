package enum Signal: Int32, Sendable { case hangUp = 1, interrupt = 2, terminate = 15 }
package final class SignalWatcher: Sendable {
    package init(_ signals: [Signal], _ handler: @escaping @Sendable (Signal) -> Void) throws(IOError) { fatalError() }
    package func stop() { fatalError() }
}
