import HoldfastIO

extension Target {
    /// Says at once when nobody listens there: a fleet goes on trying, since a gateway that restarts is away for a moment.
    func requireListener() throws {
        do throws(IOError) {
            try address.requireListener(milliseconds: 5_000)
        } catch {
            throw LoadError(
                unavailable: "no gateway at \(address): \(error.reason). Start one (holdfast serve, or --start here), or name it with "
                    + "--server HOST:PORT")
        }
    }
}
