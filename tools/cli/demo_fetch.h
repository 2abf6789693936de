#pragma once
// The client of the demo: one HTTP request, as any program would make it.

#include <chrono>
#include <cstdint>
#include <string>

#include <tl/expected.hpp>

namespace caponier::cli {

struct Fetched {
    std::string head;  ///< the status line and the header fields
    std::string body;
    std::size_t bytes = 0;  ///< of head and body, as they arrived
    std::chrono::microseconds took{};
};

/// GET / from 127.0.0.1:port, until the other side closes. Gives up after ten seconds, or when
/// `interrupt_fd` becomes readable.
[[nodiscard]] tl::expected<Fetched, std::string> fetch(std::uint16_t port, int interrupt_fd);

}  // namespace caponier::cli
