#pragma once
// Loopback sockets of the benchmark's own programs, and the clock they share. A program that cannot
// go on says why on stderr and ends with 1: the harness turns that into a row of the report.

#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include <netinet/in.h>
#include <sys/types.h>

namespace caponier::bench {

/// Prints "traffic: ...: what errno says" and ends the process with 1.
[[noreturn]] void fail(std::string_view what) noexcept;

/// CLOCK_MONOTONIC, which all processes of a run share.
[[nodiscard]] std::uint64_t now_ns() noexcept;

/// User and system time of this process so far, all threads.
[[nodiscard]] std::uint64_t cpu_ns() noexcept;

class Descriptor {
  public:
    Descriptor() noexcept = default;
    explicit Descriptor(int fd) noexcept : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Descriptor() { close(); }

    [[nodiscard]] int fd() const noexcept { return fd_; }
    [[nodiscard]] bool is_open() const noexcept { return fd_ >= 0; }
    void close() noexcept;

  private:
    int fd_ = -1;
};

/// "127.0.0.1:2222".
[[nodiscard]] sockaddr_in endpoint(std::string_view text) noexcept;

/// A listening socket on 127.0.0.1, on a port of the kernel's choice; does not block.
[[nodiscard]] Descriptor listen_on_loopback() noexcept;
[[nodiscard]] std::uint16_t port_of(const Descriptor& listener) noexcept;

/// The next connection that waits, with TCP_NODELAY; closed where none does. Does not block.
[[nodiscard]] Descriptor accept_from(const Descriptor& listener) noexcept;

/// A connection under way, with TCP_NODELAY; does not block.
[[nodiscard]] Descriptor start_connecting(const sockaddr_in& to) noexcept;
/// One that is established; `fail`s otherwise. Does not block afterwards.
[[nodiscard]] Descriptor connect_to(const sockaddr_in& to) noexcept;
void make_blocking(const Descriptor& socket) noexcept;

/// The connection's congestion control, as the kernel names it.
[[nodiscard]] std::string_view congestion_control(const Descriptor& socket,
                                                  std::span<char> room) noexcept;

/// Closing sends a reset and keeps no TIME_WAIT.
void reset_at_close(const Descriptor& socket) noexcept;

/// What was received is acknowledged now: the kernel would wait for up to 40 ms for bytes that
/// could take the acknowledgement along. Holds for this once.
void acknowledge_at_once(const Descriptor& socket) noexcept;

/// Whether errno only says "not now".
[[nodiscard]] bool would_block() noexcept;

}  // namespace caponier::bench
