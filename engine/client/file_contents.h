#pragma once
// Reads small files whole, without being led into a device, a pipe or endless input. What is in
// them is wiped from memory when the reader is done, because some of them are private keys.

#include <cstddef>
#include <cstdint>
#include <string>

#include <sys/types.h>

#include <tl/expected.hpp>

#include "ssh/crypto/secret_bytes.h"

namespace caponier::client {

struct FileContents {
    ssh::SecretBytes bytes;
    mode_t mode = 0;
    uid_t owner = 0;
};

struct FileError {
    enum class Cause : std::uint8_t { missing, not_regular, too_large, unreadable };
    Cause cause{};
    int number = 0;  ///< errno, for missing and unreadable
};

/// "No such file or directory", "not a regular file", ...
[[nodiscard]] std::string describe(const FileError& error);

/// Follows symbolic links, as ssh does. The null device is an empty file: people name it to have no
/// known_hosts file.
[[nodiscard]] tl::expected<FileContents, FileError> read_file(const std::string& path,
                                                              std::size_t bytes_max);

/// Appends `line` with one write(2), so that lines of processes that do the same at the same time
/// do not mix; puts a line feed in front if the last line of the file has none. Where another
/// process is just appending, that can leave an empty line. Creates the file with mode 0600. The
/// error is one of read_file()'s.
[[nodiscard]] tl::expected<void, FileError> append_line(const std::string& path,
                                                        const std::string& line);

}  // namespace caponier::client
