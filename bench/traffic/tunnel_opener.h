#pragma once
// Opens tunnels, several at a time: connect, order an echo, send one byte, see it come back. What
// becomes of an open tunnel is the caller's business.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "bench/traffic/poller.h"
#include "bench/traffic/sockets.h"

namespace caponier::bench {

class TunnelOpener {
  public:
    explicit TunnelOpener(const sockaddr_in& to) noexcept : to_(to) {}

    /// Opens `count` tunnels, at most `concurrent` of them at a time, and hands over each as soon
    /// as its byte is back. Ends the process where one cannot be opened.
    void open(std::uint64_t count,
              std::uint64_t concurrent,
              const std::function<void(Descriptor)>& opened);

  private:
    struct Opening {
        Descriptor socket;
        bool has_asked = false;
    };

    void start();
    /// Whether the tunnel is open.
    [[nodiscard]] bool advance(Opening& opening);

    sockaddr_in to_;
    Poller poller_;
    std::vector<Opening> by_descriptor_;
};

}  // namespace caponier::bench
