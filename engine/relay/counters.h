#pragma once
// What a shard counts while it works. Written by the shard's thread only; other threads read it for
// a status line or a placement decision and may see it a little late.

#include <atomic>
#include <cstdint>

namespace caponier::relay {

/// A counter with one writer.
class Counter {
  public:
    void add(std::uint64_t n) noexcept {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    void subtract(std::uint64_t n) noexcept {
        value_.store(value_.load(std::memory_order_relaxed) - n, std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint64_t read() const noexcept {
        return value_.load(std::memory_order_relaxed);
    }

  private:
    std::atomic<std::uint64_t> value_{0};
};

struct Counters {
    Counter connections_open;
    Counter connections_total;
    Counter bytes_up;    ///< taken from local sockets
    Counter bytes_down;  ///< taken by local sockets
};

}  // namespace caponier::relay
