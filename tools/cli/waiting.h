#pragma once
// How the main thread waits: for signals, for the end of a forwarder, of a child process, or for a
// flag that another thread raises. Each is a descriptor, so that one poll waits for all of them.

#include <chrono>
#include <cstddef>
#include <initializer_list>
#include <optional>

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
    Flag();
    void raise() noexcept;
    [[nodiscard]] int fd() const noexcept { return event_.fd(); }

  private:
    io::Socket event_;
};

}  // namespace caponier::cli
