internal import ArgumentParser
struct BackupCommand: AsyncParsableCommand {}
