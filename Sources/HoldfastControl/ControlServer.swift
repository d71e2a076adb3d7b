internal import Hummingbird

/// The HTTP server of the control API.
package struct ControlServer {
    let router: Router<BasicRequestContext>

    package init() { router = Router() }
}
