import Foundation
import HoldfastIO
import Testing

@testable import HoldfastGateway

@Suite struct IdentityTests {
    private static let now: UInt64 = 1_800_000_000

    private func configuration(_ folder: TemporaryFolder) -> Configuration {
        var configuration = Configuration()
        configuration.data = folder.path
        return configuration
    }

    @Test(arguments: [
        ("localhost", true), ("a-1.example.com", true), ("127.0.0.1", true), ("::1", true), ("", false), ("my_host", false),
        ("a,DNS:bank.example", false), ("-a", false), ("a-", false), ("a..b", false), ("zoë", false),
        (String(repeating: "a", count: 64), false),
    ])
    func `a certificate is made out to what may be a name only`(_ name: String, _ isCertifiable: Bool) {
        #expect(Identity.isCertifiable(name) == isCertifiable)
    }

    @Test func `a name with the library's own syntax in it is refused`() {
        for name in ["", "a,DNS:b", "a;b", "a\nb", "a\u{0}b"] {
            #expect(throws: IOError.self) { try makeSelfSignedCertificate(names: ["localhost", name], days: 1) }
        }
    }

    @Test func `a secret that everybody may read is named at the start and in the report`() async throws {
        let folder = try TemporaryFolder()
        var configuration = configuration(folder)
        configuration.tokenSecretFile = folder.path + "/secret"
        try Data(repeating: 65, count: 40).write(to: URL(fileURLWithPath: configuration.tokenSecretFile))
        for (mode, isNamed) in [(0o644, true), (0o640, false), (0o600, false)] {
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: configuration.tokenSecretFile)
            let lines = LogLines()
            _ = try await Identity(configuration, wallSeconds: Self.now, lines.logger)
            #expect(lines.all.contains { $0.contains("chmod 600 \(configuration.tokenSecretFile)") } == isNamed)
            let report = await IdentityReport.read(configuration, at: Self.now)
            #expect(report.readableSecrets == (isNamed ? [configuration.tokenSecretFile] : []))
        }
    }

    @Test func `the report finds what a start would fail with, and makes nothing`() async throws {
        let folder = try TemporaryFolder()
        var configuration = configuration(folder)
        let fresh = await IdentityReport.read(configuration, at: Self.now)
        #expect(fresh.tlsError == nil && fresh.tokenError == nil && fresh.certificate == nil && fresh.readableSecrets.isEmpty)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
        configuration.tokenSecretFile = folder.path + "/missing"
        configuration.tlsCertificate = folder.path + "/missing.pem"
        configuration.tlsKey = folder.path + "/missing.key"
        let missing = await IdentityReport.read(configuration, at: Self.now)
        #expect(missing.tokenError?.contains("missing") == true)
        #expect(missing.tlsError?.contains("missing.pem") == true)
        let made = try makeSelfSignedCertificate(names: ["localhost"], validity: 1_700_000_000...1_700_086_400)
        try Data(made.certificatePEM.utf8).write(to: URL(fileURLWithPath: configuration.tlsCertificate))
        try Data(made.keyPEM.utf8).write(to: URL(fileURLWithPath: configuration.tlsKey))
        try Data(repeating: 65, count: 31).write(to: URL(fileURLWithPath: configuration.tokenSecretFile))
        let expired = await IdentityReport.read(configuration, at: Self.now)
        #expect(expired.tlsError == nil && expired.certificate == .expired)
        #expect(expired.tokenError?.contains("31") == true)
    }
}
