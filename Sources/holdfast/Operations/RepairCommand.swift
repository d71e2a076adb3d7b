internal import ArgumentParser
struct RepairCommand: AsyncParsableCommand {}
