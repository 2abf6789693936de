#pragma once
// The private service of the demo: a few lines of HTTP on loopback, reached through the tunnel.

#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include <tl/expected.hpp>

#include "engine/io/socket.h"
#include "tools/cli/waiting.h"

namespace caponier::cli {

/// A listening HTTP service. Answers every request with the same page and closes the connection.
class DemoService {
  public:
    [[nodiscard]] static tl::expected<io::Socket, std::string> listen_on_loopback();

    /// Serves `listener` on a thread of its own until it is destroyed. The error is one line.
    [[nodiscard]] static tl::expected<std::unique_ptr<DemoService>, std::string> start(
        io::Socket listener, const std::string& page);

  private:
    struct Token {};

  public:
    /// Use start().
    DemoService(Token, io::Socket listener, std::string response, Flag stop) noexcept;
    DemoService(const DemoService&) = delete;
    DemoService& operator=(const DemoService&) = delete;
    ~DemoService();

  private:
    void serve();

    io::Socket listener_;
    std::string response_;
    Flag stop_;
    std::thread thread_;
};

/// The port that a socket is bound to.
[[nodiscard]] std::uint16_t port_of(const io::Socket& socket) noexcept;

}  // namespace caponier::cli
