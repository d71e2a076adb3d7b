/// Which version of the product this is; `--version` of both programs and the reports of the load tester say it. The version of the protocol and
/// those of the formats on disk are numbers of their own.
package enum Release {
    /// By semantic versioning.
    package static let version = "0.9.0"
}
