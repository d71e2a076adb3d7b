internal import Glibc

/// What the process was started with.
package enum ProcessArguments {
    /// Why they can't be taken as they are: what is wrong, where, and what to do.
    package struct Failure: Error, Equatable, CustomStringConvertible {
        /// In words.
        package var description: String
        /// It is the arguments' fault and not the machine's.
        package var isUsage: Bool

        /// An argument that would be taken for another one: the Swift library repairs what isn't UTF-8.
        static func notText(number: Int, bytes: [UInt8]) -> Failure {
            var shown = ""
            for byte in bytes {
                if 0x20..<0x7F ~= byte {
                    shown.unicodeScalars.append(Unicode.Scalar(byte))
                } else {
                    let digits = String(byte, radix: 16, uppercase: true)
                    shown += "\\x" + (digits.count < 2 ? "0" : "") + digits
                }
            }
            return Failure(
                description: """
                    Argument \(number), "\(shown)", is not UTF-8, and nothing was done: it would be taken for another name or another text. \
                    Rename the file or directory, or write the text in UTF-8.
                    """, isUsage: true)
        }

        /// The Swift library reads the arguments from there, and would find none; libdispatch looks after its threads there, and traps.
        static let noProcessFiles = Failure(
            description: """
                /proc isn't mounted, and nothing was done: the program can't see its arguments or its threads without it. Mount it \
                (mount -t proc proc /proc), or let the container have it.
                """, isUsage: false)
    }

    /// The arguments after the program's name.
    package static func all() throws(Failure) -> [String] {
        guard unsafe access("/proc/self/stat", R_OK) == 0 else { throw .noProcessFiles }
        var raw: [[UInt8]] = []
        for index in 1..<max(1, Int(CommandLine.argc)) {
            guard let value = unsafe CommandLine.unsafeArgv[index] else { break }
            raw.append(unsafe UnsafeRawBufferPointer(start: value, count: strlen(value)).map { $0 })
        }
        return try texts(raw)
    }

    /// The arguments as text; all of them have to be.
    static func texts(_ raw: [[UInt8]]) throws(Failure) -> [String] {
        var texts: [String] = []
        for (index, bytes) in raw.enumerated() {
            guard let text = String(validating: bytes, as: UTF8.self) else { throw .notText(number: index + 1, bytes: bytes) }
            texts.append(text)
        }
        return texts
    }
}
