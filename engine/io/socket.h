#pragma once
// The owner of one kernel socket. Above engine/io it is an opaque handle: only a Loop can use it.

#include <utility>

namespace caponier::io {

/// Move-only. A Socket with operations in flight must be given back through Loop::close() or
/// Loop::reset(); one without may simply be destroyed, which closes it, and resets it if it was
/// accepted. Between operations it may be moved to another thread and used with that thread's Loop.
class Socket {
  public:
    Socket() noexcept = default;
    explicit Socket(int fd) noexcept : fd_(fd) {}
    Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Socket& operator=(Socket&& other) noexcept;
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;
    ~Socket();

    [[nodiscard]] explicit operator bool() const noexcept { return fd_ >= 0; }

    /// For the backends of engine/io only (SimLoop keeps numbers of its own here).
    [[nodiscard]] int fd() const noexcept { return fd_; }
    /// Gives the descriptor up without closing it.
    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

  private:
    int fd_ = -1;
};

}  // namespace caponier::io
