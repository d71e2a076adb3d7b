internal import ArgumentParser
struct RestoreCommand: AsyncParsableCommand {}
