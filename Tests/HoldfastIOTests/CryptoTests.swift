import Testing

@testable import HoldfastIO

@Suite struct CryptoTests {
    private func bytes(_ hex: String) -> [UInt8] {
        let digits = Array(hex.utf8)
        return stride(from: 0, to: digits.count, by: 2).compactMap {
            UInt8(String(decoding: digits[$0..<$0 + 2], as: UTF8.self), radix: 16)
        }
    }

    // Test case 16 of "The Galois/Counter Mode of Operation" (McGrew, Viega): AES-256, with associated data.
    @Test func `the known vector of AES-256-GCM`() throws {
        let key = bytes("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308")
        let nonce = bytes("cafebabefacedbaddecaf888")
        let plaintext = bytes(
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39")
        let associated = bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2")
        let sealed = bytes(
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
                + "76fc6ece0f4e1768cddf8853bb2d551b")
        let cipher = AESGCM(key: key.span)
        // Twice: the context is used again.
        for _ in 0..<2 {
            #expect(seal(cipher, plaintext, nonce: nonce, associated) == sealed)
            #expect(seal(cipher, plaintext, nonce: nonce, associated, after: [1, 2, 3]) == [1, 2, 3] + sealed)
            #expect(cipher.open(sealed.span, nonce: nonce.span, associatedData: associated.span) == plaintext)
        }
    }

    private func seal(_ cipher: AESGCM, _ plaintext: [UInt8], nonce: [UInt8], _ associated: [UInt8], after front: [UInt8] = []) -> [UInt8] {
        var sealed = front
        cipher.seal(plaintext.span, nonce: nonce.span, associatedData: associated.span, to: &sealed)
        return sealed
    }

    @Test func `a changed bit anywhere, or a cut, doesn't open`() {
        let cipher = AESGCM(key: randomBytes(32).span)
        let nonce = randomBytes(12)
        let associated: [UInt8] = [1, 2, 3]
        let plaintext = Array("ticket".utf8)
        let sealed = seal(cipher, plaintext, nonce: nonce, associated)
        for index in sealed.indices {
            var changed = sealed
            changed[index] ^= 0x10
            #expect(cipher.open(changed.span, nonce: nonce.span, associatedData: associated.span) == nil)
            #expect(cipher.open(Array(sealed[..<index]).span, nonce: nonce.span, associatedData: associated.span) == nil)
        }
        #expect(cipher.open(sealed.span, nonce: randomBytes(12).span, associatedData: associated.span) == nil)
        #expect(cipher.open(sealed.span, nonce: nonce.span, associatedData: [UInt8]().span) == nil)
        #expect(AESGCM(key: randomBytes(32).span).open(sealed.span, nonce: nonce.span, associatedData: associated.span) == nil)
        #expect(cipher.open(sealed.span, nonce: nonce.span, associatedData: associated.span) == plaintext)
    }

    @Test func `nothing at all can be sealed, too`() {
        let cipher = AESGCM(key: randomBytes(32).span)
        let nonce = randomBytes(12)
        let sealed = seal(cipher, [], nonce: nonce, [])
        #expect(sealed.count == AESGCM.tagBytes)
        #expect(cipher.open(sealed.span, nonce: nonce.span, associatedData: [UInt8]().span) == [])
    }

    @Test func `random bytes have their count and differ`() {
        #expect(randomBytes(0) == [])
        #expect(randomBytes(1000).count == 1000)
        #expect(randomBytes(16) != randomBytes(16))
    }

    @Test func `comparison sees every byte and the count`() {
        func isEqual(_ a: [UInt8], _ b: [UInt8]) -> Bool { isEqualInConstantTime(a.span, b.span) }
        let a: [UInt8] = [1, 2, 3, 4]
        #expect(isEqual(a, a))
        for index in a.indices {
            var b = a
            b[index] ^= 0x80
            #expect(!isEqual(a, b))
        }
        #expect(!isEqual(a, [1, 2, 3]))
        #expect(isEqual([], []))
    }
}
