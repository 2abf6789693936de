#pragma once
// Which backend runs: io_uring where the kernel and the sandbox allow it, epoll elsewhere.

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/io/loop.h"

namespace caponier::io {

enum class Backend : unsigned char { automatic, io_uring, epoll };

/// "auto", "uring" or "epoll"; empty for anything else.
[[nodiscard]] std::optional<Backend> backend_of(std::string_view name) noexcept;

struct ChosenLoop {
    std::unique_ptr<Loop> loop;
    /// One line for the log: which backend, which ring flags, and if io_uring was wanted and
    /// refused, why and what would help ("epoll: io_uring_setup is not permitted (seccomp or
    /// kernel.io_uring_disabled)").
    std::string reason;
};

/// Makes a loop for the calling thread. Fails only if a forced backend is not to be had, or the
/// process has no descriptors left; then the string says so in one line.
[[nodiscard]] tl::expected<ChosenLoop, std::string> choose_loop(Backend backend);

}  // namespace caponier::io
