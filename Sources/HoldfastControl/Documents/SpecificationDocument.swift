/// The API's specification, as `/openapi.yaml` serves it. It is built into the program.
enum SpecificationDocument {
    /// `info.version` in it.
    static let version = "1.0.0"

    /// The file `Protocol/openapi.yaml`.
    static var bytes: [UInt8] { PackageResources.openapi_yaml }
}
