/// Tokens that were signed once with keys of which only the public halves are kept: user alice, device phone, good until 2100.
enum TokenFixtures {
    static let es256PublicKey = """
        -----BEGIN PUBLIC KEY-----
        MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEc6Zts7vo4kPEOQaxXhmCJE6pwLtr
        LKTGqiDk4uPvJNy+2vHibTlUbhj8pQjWi9GnSfpsuZGKdixMvDvXUpT8rg==
        -----END PUBLIC KEY-----
        """
    /// With a key id in the header.
    static let es256Token =
        "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImtleS03In0.eyJzdWIiOiJhbGljZSIsImV4cCI6NDEwMjQ0NDgwMCwi"
        + "ZGV2aWNlIjoicGhvbmUifQ.jF2Z9yxxv2hvHoMlE52VU2FICazD-hGUjpuq67IIyatHDxtvjlQnKGFO-aNn-kuTvNbRV91Jc86Ph"
        + "WWJ6FvGYA"

    static let edDSAPublicKey = """
        -----BEGIN PUBLIC KEY-----
        MCowBQYDK2VwAyEAA84t198L0PDEoCjKrKre0ZrX0UxwYCVSLQbMGDTrTHQ=
        -----END PUBLIC KEY-----
        """
    static let edDSAToken =
        "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbGljZSIsImV4cCI6NDEwMjQ0NDgwMCwiZGV2aWNlIjoicGhvbmU"
        + "ifQ.OWzjDLv-jC_TWUAoyxInRHqZ0t5BCNRM4zPVCRjKBMj_xdpM9JEEVbgL1O7MlTMUeAood-077CN6LEAmnGiDCg"

    /// Of an algorithm that isn't spoken.
    static let rsaPublicKey = """
        -----BEGIN PUBLIC KEY-----
        MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAvFafCt0pTGjA47El9SqK
        91/nVCFhgAjLHZhpFCnRUNfbgP79Zw3Yiu6gmSabukOsN8ddt2LvxoLthQ+mvHGq
        RWn5Nh7hZsLU0Ta7iKlbmobLHXW8IgtVv/eZis8T0nPkflt/ynVfMIjCNoBIgikB
        N5udNO1XCYnFswHrkVofCdIp2vJ6qS8gqG+WjeMs3NjA5xsJqQaMWCzQe5+MBDEv
        6b0Frf0A4A9f2O5IEAfrFALjmtSLOfJz1q31k9I5klS2o4zEvoKDPKLJiI1ZHxVI
        rcaGGrjZagTgAZ3zI5Iau/BJrVdrUIWgL+B0jv0nJ+jlmOUy/3mXBLR5i8M8APD5
        fwIDAQAB
        -----END PUBLIC KEY-----
        """
}
