/// A key set with a key of each kind, and tokens that PyJWT 2.10.1 signed once with their private parts (of which nothing is kept but the secret):
/// user shop, role service, good until 2100.
enum KeySetFixtures {
    static let secretKey =
        #"{"kty":"oct","kid":"backend-1","alg":"HS256","k":"YSBzZWNyZXQgb2YgdGVzdHMsIGxvbmcgZW5vdWdoIGZvciBzdXJl"}"#
    static let pointKey =
        #"{"kty":"EC","crv":"P-256","kid":"login-2026-11","use":"sig","alg":"ES256","x":"ACA5VKppKd6OYpgVkRQIklPR9lslDG0b1I7Z5CX7eew","y":"klzCj7DlsCTDtCNrx3cFMUZQGSHPSDpf_acgRlM5MPk"}"#
    static let curveKey = #"{"kty":"OKP","crv":"Ed25519","kid":"login-2026-12","x":"d8Ezk16BGu8_k9YcJFxA7mOmoVl6xDdTdHR2Ymv5Kx4"}"#

    static func set(_ keys: String...) -> [UInt8] { Array("{\"keys\":[\(keys.joined(separator: ","))]}".utf8) }

    private static let payload =
        "eyJzdWIiOiJzaG9wIiwiZXhwIjo0MTAyNDQ0ODAwLCJpYXQiOjE3NjQ1MDAwMDAsImlzcyI6Imh0dHBzOi8vbG9naW4uZXhhbXBs"
        + "ZS5jb20iLCJhdWQiOlsiY2hhdCIsInNob3AiXSwicm9sZSI6InNlcnZpY2UiLCJzY29wZSI6InB1c2ggcmVhZCBvcGVuaWQiLCJ0"
        + "byI6WyJhbGljZSIsIm9yZGVyLSoiXX0"

    static let hs256Token =
        "eyJhbGciOiJIUzI1NiIsImtpZCI6ImJhY2tlbmQtMSIsInR5cCI6IkpXVCJ9." + payload + ".7XnrS3nzIigPV1-W_INAEI-6Vg_za96YXLFIiawtXuQ"
    static let es256Token =
        "eyJhbGciOiJFUzI1NiIsImtpZCI6ImxvZ2luLTIwMjYtMTEiLCJ0eXAiOiJKV1QifQ." + payload
        + ".le-iwOydkX4JQ0Jbk8196A_nKCU282CcpXDPFDLRRAyZlJqs2NhilkzleUBJNr8y2nEC8kwD1fuIbjJDy5v7tA"
    static let edDSAToken =
        "eyJhbGciOiJFZERTQSIsImtpZCI6ImxvZ2luLTIwMjYtMTIiLCJ0eXAiOiJKV1QifQ." + payload
        + ".pfePR2Vcd5nEEqM06VxDMNhmBN9Lc-LaOhdDKoB8JEChNJHSWY1BuFQWYl9wiKELEUQD50_AmRaggu8p4lAGDg"
    /// HS256, signed with the secret, and naming the key of ES256.
    static let confusedToken =
        "eyJhbGciOiJIUzI1NiIsImtpZCI6ImxvZ2luLTIwMjYtMTEiLCJ0eXAiOiJKV1QifQ." + payload + ".qhDGY-UsRSdN2fHe7BdARKwY8Z1JtnIf_GNXamptP-A"
    /// HS256, signed with the secret, and naming the key "backend-2".
    static let unknownKeyToken =
        "eyJhbGciOiJIUzI1NiIsImtpZCI6ImJhY2tlbmQtMiIsInR5cCI6IkpXVCJ9." + payload + ".87lfdcsnwyC2c96Sxo7PHnC0TS1nIYfleOqsz8_rZYc"
    /// HS256, signed with the secret, and naming no key.
    static let anonymousToken = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9." + payload + ".rU94lX17xVA2uLS8O9cs2ASO9s6R-stBFFJD0Wfwm2o"
}
