// Writes behind a block: the address sanitizer must see it.
let block = UnsafeMutablePointer<Int>.allocate(capacity: 4)
let index = CommandLine.arguments.count + 3
block[index] = 1
block.deallocate()
