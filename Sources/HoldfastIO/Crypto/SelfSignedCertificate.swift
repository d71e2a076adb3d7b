package func makeSelfSignedCertificate(
    names: [String], days: Int
) throws(IOError) -> (certificatePEM: String, keyPEM: String) { fatalError() }
