#pragma once
// How the main thread waits: for signals, for the end of a forwarder, of a child process, or for a
// flag that another thread raises. Each is a descriptor, so that one poll waits for all of them.

#include <chrono>
#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>

#include <tl/expected.hpp>

#include "engine/io/socket.h"

namespace caponier::cli {

inline constexpr std::chrono::milliseconds without_limit{-1};

/// Waits until one of the descriptors is readable (or has ended) and returns the place of the first
/// such one in the list; nothing once the limit has passed.
[[nodiscard]] std::optional<std::size_t> wait_readable(
    std::initializer_list<int> descriptors, std::chrono::milliseconds limit = without_limit);

/// Raised once, by any thread, and readable from then on.
class Flag {
  public:
    /// The error is one line: the process has no descriptors left, or a filter refuses eventfd.
    [[nodiscard]] static tl::expected<Flag, std::string> make();

    void raise() noexcept;
    [[nodiscard]] int fd() const noexcept { return event_.fd(); }

  private:
    explicit Flag(io::Socket event) noexcept : event_(std::move(event)) {}

    io::Socket event_;
};

}  // namespace caponier::cli
