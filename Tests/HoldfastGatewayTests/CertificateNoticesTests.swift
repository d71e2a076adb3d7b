import Foundation
import HoldfastIO
import Testing

@testable import HoldfastGateway

@Suite struct CertificateNoticesTests {
    @Test func `a certificate that ends is said once a day until it is renewed`() {
        var notices = CertificateNotices()
        #expect(notices.update(.good, 100) == nil)
        #expect(notices.update(.ending, 200) == .ending)
        #expect(notices.update(.ending, 300) == nil)
        #expect(notices.update(.expired, 400) == .expired)
        #expect(notices.update(.expired, 86_399) == nil)
        #expect(notices.update(.expired, 86_800) == .expired)
        #expect(notices.update(.good, 86_900) == nil)
        #expect(notices.update(.ending, 87_000) == .ending)
    }

    @Test func `a certificate's last days are a fifth of its life, two weeks at most`() throws {
        let year = CertificateTimes(first: 1000, last: 1000 + 365 * 86_400)
        #expect(year.state(at: 999) == .notYetValid)
        #expect(year.state(at: 1000) == .good)
        #expect(year.state(at: 1000 + 350 * 86_400) == .good)
        #expect(year.state(at: 1000 + 352 * 86_400) == .ending)
        #expect(year.state(at: 1001 + 365 * 86_400) == .expired)
        let days = CertificateTimes(first: 0, last: 5 * 86_400)
        #expect(days.state(at: 4 * 86_400 - 1) == .good)
        #expect(days.state(at: 4 * 86_400 + 1) == .ending)
        let folder = try TemporaryFolder()
        let made = try makeSelfSignedCertificate(names: ["localhost"], validity: 1_700_000_000...1_800_000_000)
        try made.certificatePEM.write(toFile: folder.path + "/c.pem", atomically: true, encoding: .utf8)
        #expect(CertificateTimes(ofFile: folder.path + "/c.pem") == CertificateTimes(first: 1_700_000_000, last: 1_800_000_000))
        #expect(CertificateTimes(ofFile: folder.path + "/none.pem") == nil)
    }
}
