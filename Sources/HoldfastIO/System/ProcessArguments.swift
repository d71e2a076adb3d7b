internal import CLinux
internal import Glibc

/// What the process was started with. `CommandLine.arguments` reads /proc/self/cmdline, is empty where that isn't mounted, and repairs what isn't
/// UTF-8 into other text.
package enum ProcessArguments {
    /// An argument that can't be taken as it is.
    package struct NotText: Error, Equatable, CustomStringConvertible {
        /// What is wrong, where, and what to do.
        package var description: String

        init(number: Int, bytes: [UInt8]) {
            var shown = ""
            for byte in bytes {
                if 0x20..<0x7F ~= byte {
                    shown.unicodeScalars.append(Unicode.Scalar(byte))
                } else {
                    let digits = String(byte, radix: 16, uppercase: true)
                    shown += "\\x" + (digits.count < 2 ? "0" : "") + digits
                }
            }
            description = """
                Argument \(number), "\(shown)", is not UTF-8, and nothing was done: it would be taken for another name or another text. \
                Rename the file or directory, or write the text in UTF-8.
                """
        }
    }

    /// The arguments after the program's name.
    package static func all() throws(NotText) -> [String] {
        var count: Int32 = 0
        guard let values = unsafe clinux_arguments(&count), count > 0 else { return Array(CommandLine.arguments.dropFirst()) }
        var raw: [[UInt8]] = []
        for index in 1..<max(1, Int(count)) {
            guard let value = unsafe values[index] else { break }
            raw.append(unsafe UnsafeRawBufferPointer(start: value, count: strlen(value)).map { $0 })
        }
        return try texts(raw)
    }

    /// The arguments as text; all of them have to be.
    static func texts(_ raw: [[UInt8]]) throws(NotText) -> [String] {
        var texts: [String] = []
        for (index, bytes) in raw.enumerated() {
            guard let text = String(validating: bytes, as: UTF8.self) else { throw NotText(number: index + 1, bytes: bytes) }
            texts.append(text)
        }
        return texts
    }

    /// The program's own file: to be started again as another process, also where /proc isn't mounted.
    package static var program: String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        let count = unsafe readlink("/proc/self/exe", &buffer, Int(PATH_MAX))
        if count > 0 { return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self) }
        return unsafe clinux_program_path().map { unsafe String(cString: $0) } ?? CommandLine.arguments.first ?? ""
    }
}
