// Writes whole lines with write(2): they appear at once, and lines of two threads do not mix.

#include "tools/cli/console.h"

#include <cerrno>

#include <unistd.h>

#include <fmt/format.h>

namespace caponier::cli {
namespace {

/// To the start of the line, and everything behind it erased.
constexpr std::string_view erase_line = "\r\033[K";

/// A reader that went away is no reason to stop forwarding, so failures are ignored.
void write_all(int descriptor, std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = write(descriptor, text.data(), text.size());
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return;
        }
        text.remove_prefix(static_cast<std::size_t>(written));
    }
}

}  // namespace

Console::Console(client::LogLevel level)
    : level_(level), has_status_line_(isatty(STDOUT_FILENO) == 1) {}

Console::~Console() {
    clear_status();
}

void Console::say(std::string_view line) {
    const std::lock_guard lock{mutex_};
    clear_status();
    write_all(STDOUT_FILENO, fmt::format("{}\n", line));
    write_all(STDOUT_FILENO, status_);
}

void Console::log(client::LogLevel level, std::string_view line) {
    if (level > level_) {
        return;
    }
    const std::lock_guard lock{mutex_};
    clear_status();
    write_all(STDERR_FILENO, fmt::format("caponier: {}\n", line));
    write_all(STDOUT_FILENO, status_);
}

void Console::show_status(std::string_view line) {
    if (!has_status_line_) {
        return;
    }
    const std::lock_guard lock{mutex_};
    if (line == status_) {
        return;
    }
    clear_status();
    status_ = line;
    write_all(STDOUT_FILENO, status_);
}

client::Reports Console::reports() {
    return {.ready = [this](std::string_view line) { say(line); },
            .log = [this](client::LogLevel level, std::string_view line) { log(level, line); }};
}

void Console::clear_status() {
    if (!status_.empty()) {
        write_all(STDOUT_FILENO, erase_line);
    }
}

}  // namespace caponier::cli
