/// A client's certificate and the one of its issuer, good until 2100. The keys are for tests only.
enum ClientCertificate {
    static let issuer = """
        -----BEGIN CERTIFICATE-----
        MIIBhDCCASugAwIBAgIUKjDpv8hjbCKkgsU+IG3Y/bCaLlgwCgYIKoZIzj0EAwIw
        FzEVMBMGA1UEAwwMdGVzdCBjbGllbnRzMCAXDTI2MTEzMDE5MzczOVoYDzIxMDAx
        MTAyMTkzNzM5WjAXMRUwEwYDVQQDDAx0ZXN0IGNsaWVudHMwWTATBgcqhkjOPQIB
        BggqhkjOPQMBBwNCAAQqGaQSbN3OU9NFc4WO2KKiIh7adLOeghuNUssqW2S/lX38
        KR7X2k+bQLACfHkI9p4maC0NcY+/Z4WZbEDBtJado1MwUTAdBgNVHQ4EFgQUJYym
        cSSaD7XLJkHPRlqoeEUoONowHwYDVR0jBBgwFoAUJYymcSSaD7XLJkHPRlqoeEUo
        ONowDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNHADBEAiBIGKv4o61pLMUw
        pDnsaDspz7dbfx+tQUaf0SAF9dsu3QIgduFg/wqramsBG3S1e9/9zv4V0kfiEr0L
        1gU4L+610uQ=
        -----END CERTIFICATE-----
        """
    static let certificate = """
        -----BEGIN CERTIFICATE-----
        MIIBcTCCARegAwIBAgIBAjAKBggqhkjOPQQDAjAXMRUwEwYDVQQDDAx0ZXN0IGNs
        aWVudHMwIBcNMjYxMTMwMTkzNzM5WhgPMjEwMDExMDIxOTM3MzlaMBIxEDAOBgNV
        BAMMB2JhY2tlbmQwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARWw1JVGH3uqfn2
        9wOzYD6tJmBa1S8nE4LTB8pcF+LkPBQhoIu/S3udauek5508mL65wgpH60jT/xUl
        W3TMkqUto1cwVTATBgNVHSUEDDAKBggrBgEFBQcDAjAdBgNVHQ4EFgQUqqRB3uzm
        suxA37672AYtXdGNm4gwHwYDVR0jBBgwFoAUJYymcSSaD7XLJkHPRlqoeEUoONow
        CgYIKoZIzj0EAwIDSAAwRQIhALtInOd8A+BW93F10ZCx4Fhru3UDzsz52vjg+t4N
        m3KpAiA2ISl98zGQG5Gb6iHHkN4KegzqKMjXAwzauqTXwk+SLA==
        -----END CERTIFICATE-----
        """
    static let key = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgVOYrMS0Fgzje6wfS
        v6eNGiV7OTT+SLgOFedm6FbDYHqhRANCAARWw1JVGH3uqfn29wOzYD6tJmBa1S8n
        E4LTB8pcF+LkPBQhoIu/S3udauek5508mL65wgpH60jT/xUlW3TMkqUt
        -----END PRIVATE KEY-----
        """
}
