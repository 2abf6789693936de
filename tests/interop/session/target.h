#pragma once
// Where the tunnels of the session tests lead: a server on loopback, one thread a connection.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <thread>
#include <vector>

#include "tests/interop/session/sshd.h"

namespace caponier::ssh::test {

class Target {
  public:
    using Serve = std::function<void(int connection)>;

    explicit Target(Serve serve);
    Target(const Target&) = delete;
    Target& operator=(const Target&) = delete;
    /// Waits for all connections to be over.
    ~Target();
    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

  private:
    void accept_all();

    Serve serve_;
    std::uint16_t port_ = 0;
    Descriptor listening_;
    std::vector<std::thread> connections_;
    std::thread accepting_;
};

/// A port of loopback where nobody listens.
[[nodiscard]] std::uint16_t closed_port();

// ---- what a connection of a target does --------------------------------------------------------

/// Sends `bytes` bytes of `stream`. False if the peer went away.
bool send_stream(int connection, std::uint64_t stream, std::uint64_t bytes);
/// Reads to the end; the number of bytes if all were those of `stream`, else -1.
std::int64_t read_stream(int connection, std::uint64_t stream);
void send_end(int connection);
/// Sends back what comes, then the end.
void echo(int connection);

/// Sends one stream to its end while it reads the other.
class DuplexTarget {
  public:
    struct Streams {
        std::uint64_t to_us = 0;
        std::uint64_t from_us = 0;
        std::uint64_t bytes = 0;  ///< of `to_us`
    };

    explicit DuplexTarget(const Streams& streams);
    [[nodiscard]] std::uint16_t port() const noexcept { return target_.port(); }
    /// What read_stream() said. Waits for it: a channel may be closed before its target has read
    /// what the server gave it.
    [[nodiscard]] std::int64_t arrived() const noexcept {
        arrived_.wait(nothing_yet);
        return arrived_;
    }

  private:
    static constexpr std::int64_t nothing_yet = -2;
    std::atomic<std::int64_t> arrived_ = nothing_yet;
    Target target_;
};

}  // namespace caponier::ssh::test
