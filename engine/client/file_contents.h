#pragma once
// Reads small files whole and large ones line by line, without being led into a device, a pipe or
// endless input. A whole file is wiped from memory when the reader is done, because some of them
// are private keys. Lines are of public files.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include <sys/types.h>

#include <tl/expected.hpp>

#include "ssh/crypto/secret_bytes.h"

namespace caponier::client {

struct FileContents {
    ssh::SecretBytes bytes;
    mode_t mode = 0;
    uid_t owner = 0;
};

/// A longer line ends read_lines(): what it says is not known. The longest real one names some
/// hundred hosts and holds a 16384-bit RSA key.
inline constexpr std::size_t line_bytes_max = 1024 * 1024;
/// As do more lines than this: such a file would have gigabytes.
inline constexpr std::size_t lines_max = 16 * 1024 * 1024;

struct FileError {
    enum class Cause : std::uint8_t { missing, not_regular, too_large, long_line, unreadable };
    Cause cause{};
    int number = 0;  ///< errno, for missing and unreadable; the line's, for long_line
};

/// "No such file or directory", "not a regular file", ...
[[nodiscard]] std::string describe(const FileError& error);

/// Follows symbolic links, as ssh does. The null device is an empty file: people name it to have no
/// known_hosts file.
[[nodiscard]] tl::expected<FileContents, FileError> read_file(const std::string& path,
                                                              std::size_t bytes_max);

/// Gives `take` the lines of a file of any size, one after the other, without LF or CR LF. Memory
/// holds one line and little more. The view is valid during the call. After an error `take` may
/// have had the first lines. Files are those of read_file().
[[nodiscard]] tl::expected<void, FileError> read_lines(
    const std::string& path, const std::function<void(std::string_view line)>& take);

/// Appends `line` with one write(2), so that lines of processes that do the same at the same time
/// do not mix; puts a line feed in front if the last line of the file has none. Where another
/// process is just appending, that can leave an empty line. Creates the file with mode 0600. The
/// error is one of read_file()'s.
[[nodiscard]] tl::expected<void, FileError> append_line(const std::string& path,
                                                        const std::string& line);

}  // namespace caponier::client
