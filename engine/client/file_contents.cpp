// Reading and appending: see file_contents.h. A file is opened without waiting (a pipe would wait
// for its writer), and judged by its descriptor, so that it cannot be exchanged in between.

#include "engine/client/file_contents.h"

#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "engine/io/socket.h"

namespace caponier::client {

namespace {

using Cause = FileError::Cause;

FileError last_error() noexcept {
    const bool missing = errno == ENOENT || errno == ENOTDIR;
    return {missing ? Cause::missing : Cause::unreadable, errno};
}

bool is_null_device(const struct stat& status) noexcept {
    return S_ISCHR(status.st_mode) && status.st_rdev == ::makedev(1, 3);
}

}  // namespace

std::string describe(const FileError& error) {
    switch (error.cause) {
    case Cause::not_regular:
        return "not a regular file";
    case Cause::too_large:
        return "the file is too large";
    case Cause::missing:
    case Cause::unreadable:
        break;
    }
    return std::generic_category().message(error.number);
}

tl::expected<FileContents, FileError> read_file(const std::string& path, std::size_t bytes_max) {
    // io::Socket closes any descriptor.
    const io::Socket file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
    struct stat status {};
    if (!file || ::fstat(file.fd(), &status) != 0) {
        return tl::unexpected{last_error()};
    }
    FileContents contents{.bytes = {}, .mode = status.st_mode, .owner = status.st_uid};
    if (is_null_device(status)) {
        return contents;
    }
    if (!S_ISREG(status.st_mode)) {
        return tl::unexpected{FileError{Cause::not_regular}};
    }
    const auto size = static_cast<std::size_t>(status.st_size);
    if (size > bytes_max) {
        return tl::unexpected{FileError{Cause::too_large}};
    }
    // What is appended while we read is not read: its first part was whole before.
    contents.bytes = ssh::SecretBytes{size};
    std::size_t filled = 0;
    while (filled < size) {
        const std::span<std::byte> room = contents.bytes.bytes().subspan(filled);
        const ssize_t got = ::read(file.fd(), room.data(), room.size());
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return tl::unexpected{last_error()};
        }
        if (got == 0) {
            break;
        }
        filled += static_cast<std::size_t>(got);
    }
    contents.bytes.shrink(filled);
    return contents;
}

tl::expected<void, FileError> append_line(const std::string& path, const std::string& line) {
    const io::Socket file{::open(
        path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600)};
    struct stat status {};
    if (!file || ::fstat(file.fd(), &status) != 0) {
        return tl::unexpected{last_error()};
    }
    if (!S_ISREG(status.st_mode) && !is_null_device(status)) {
        return tl::unexpected{FileError{Cause::not_regular}};
    }
    char last = '\n';
    if (status.st_size > 0 && ::pread(file.fd(), &last, 1, status.st_size - 1) < 0) {
        return tl::unexpected{last_error()};
    }
    const std::string text = last == '\n' ? line : "\n" + line;
    const ssize_t written = ::write(file.fd(), text.data(), text.size());
    if (written < 0) {
        return tl::unexpected{last_error()};
    }
    if (static_cast<std::size_t>(written) != text.size()) {
        return tl::unexpected{FileError{Cause::unreadable, ENOSPC}};
    }
    return {};
}

}  // namespace caponier::client
