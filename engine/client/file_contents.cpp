// Reading and appending: see file_contents.h. A file is opened without waiting (a pipe would wait
// for its writer), and judged by its descriptor, so that it cannot be exchanged in between.

#include "engine/client/file_contents.h"

#include <cerrno>
#include <span>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <fmt/format.h>

#include "engine/io/socket.h"
#include "ssh/wire/bytes.h"

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

struct OpenFile {
    io::Socket socket;  ///< which closes any descriptor
    struct stat status {};
};

/// A regular file, or the null device.
tl::expected<OpenFile, FileError> open_to_read(const std::string& path) {
    OpenFile file{
        .socket = io::Socket{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)}};
    if (!file.socket || ::fstat(file.socket.fd(), &file.status) != 0) {
        return tl::unexpected{last_error()};
    }
    if (!S_ISREG(file.status.st_mode) && !is_null_device(file.status)) {
        return tl::unexpected{FileError{Cause::not_regular}};
    }
    return file;
}

/// 0 at the end of the file.
tl::expected<std::size_t, FileError> read_some(int fd, std::span<std::byte> room) {
    for (;;) {
        const ssize_t got = ::read(fd, room.data(), room.size());
        if (got >= 0) {
            return static_cast<std::size_t>(got);
        }
        if (errno != EINTR) {
            return tl::unexpected{last_error()};
        }
    }
}

constexpr std::size_t chunk_bytes = 64 * 1024;

/// Makes lines of chunks. Keeps only what has no end yet.
class LineCutter {
  public:
    using Take = std::function<void(std::string_view)>;
    explicit LineCutter(const Take& take) noexcept : take_(take) {}

    tl::expected<void, FileError> take(std::string_view chunk) {
        for (;;) {
            const std::size_t end = chunk.find('\n');
            const std::string_view part = chunk.substr(0, end);
            if (unfinished_.size() + part.size() > line_bytes_max) {
                return tl::unexpected{FileError{Cause::long_line, static_cast<int>(count_ + 1)}};
            }
            if (end == std::string_view::npos) {
                unfinished_.append(part);
                return {};
            }
            if (++count_ > lines_max) {
                return tl::unexpected{FileError{Cause::too_large}};
            }
            deliver(unfinished_.empty() ? part : unfinished_.append(part));
            unfinished_.clear();
            chunk.remove_prefix(end + 1);
        }
    }

    /// A last line without a line feed is a line.
    tl::expected<void, FileError> finish() {
        if (!unfinished_.empty()) {
            deliver(unfinished_);
        }
        return {};
    }

  private:
    void deliver(std::string_view line) const {
        if (line.ends_with('\r')) {
            line.remove_suffix(1);
        }
        take_(line);
    }

    const Take& take_;
    std::string unfinished_;
    std::size_t count_ = 0;
};

}  // namespace

std::string describe(const FileError& error) {
    switch (error.cause) {
    case Cause::not_regular:
        return "not a regular file";
    case Cause::too_large:
        return "the file is too large";
    case Cause::long_line:
        return fmt::format("line {} is longer than {} bytes", error.number, line_bytes_max);
    case Cause::missing:
    case Cause::unreadable:
        break;
    }
    return std::generic_category().message(error.number);
}

tl::expected<FileContents, FileError> read_file(const std::string& path, std::size_t bytes_max) {
    const tl::expected<OpenFile, FileError> file = open_to_read(path);
    if (!file) {
        return tl::unexpected{file.error()};
    }
    FileContents contents{.bytes = {}, .mode = file->status.st_mode, .owner = file->status.st_uid};
    if (is_null_device(file->status)) {
        return contents;
    }
    const auto size = static_cast<std::size_t>(file->status.st_size);
    if (size > bytes_max) {
        return tl::unexpected{FileError{Cause::too_large}};
    }
    // What is appended while we read is not read: its first part was whole before.
    contents.bytes = ssh::SecretBytes{size};
    std::size_t filled = 0;
    while (filled < size) {
        const tl::expected<std::size_t, FileError> got =
            read_some(file->socket.fd(), contents.bytes.bytes().subspan(filled));
        if (!got) {
            return tl::unexpected{got.error()};
        }
        if (*got == 0) {
            break;
        }
        filled += *got;
    }
    contents.bytes.shrink(filled);
    return contents;
}

/// Until the end of the file and not until its size, because some file systems say 0 of a file that
/// nobody has read yet.
tl::expected<void, FileError> read_lines(const std::string& path,
                                         const std::function<void(std::string_view)>& take) {
    const tl::expected<OpenFile, FileError> file = open_to_read(path);
    if (!file) {
        return tl::unexpected{file.error()};
    }
    if (is_null_device(file->status)) {
        return {};
    }
    LineCutter lines{take};
    std::vector<std::byte> room(chunk_bytes);
    for (;;) {
        const tl::expected<std::size_t, FileError> got = read_some(file->socket.fd(), room);
        if (!got) {
            return tl::unexpected{got.error()};
        }
        if (*got == 0) {
            return lines.finish();
        }
        const std::span<const std::byte> bytes{room};
        if (tl::expected<void, FileError> cut = lines.take(ssh::text_of(bytes.first(*got))); !cut) {
            return cut;
        }
    }
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
