package enum DescriptorLimit { package static func raiseToMaximum() throws(IOError) -> Int { fatalError() } }
