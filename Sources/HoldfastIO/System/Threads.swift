package final class ThreadHandle: Sendable { package func join() { fatalError() } }
package func startThread(name: String, _ body: @escaping @Sendable () -> Void) throws(IOError) -> ThreadHandle { fatalError() }
