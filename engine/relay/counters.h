#pragma once
// What a shard counts while it works. Written by the shard's thread only; other threads read it for
// a status line or a placement decision and may see it a little late.

#include <atomic>
#include <cstdint>

namespace caponier::relay {

/// A number with one writer.
class Counter {
  public:
    void add(std::uint64_t n) noexcept { set(read() + n); }
    void subtract(std::uint64_t n) noexcept { set(read() - n); }
    void set(std::uint64_t n) noexcept { value_.store(n, std::memory_order_relaxed); }
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
    /// On the loop's clock, while the shard drains: when a byte of a connection was last seen to
    /// move.
    Counter moved_at_ns;
};

/// What one session of the pool is under. The thread that may write changes with the session: a
/// letter that dials it hands the right on.
struct SessionCounters {
    Counter tunnels_received;  ///< handed over to the session so far, kept or not
    Counter channels;          ///< open, or being opened
    Counter queued_bytes;      ///< sealed, and not taken by the kernel yet
    Counter bytes;             ///< that passed its SSH socket, both ways
    Counter carried;           ///< 1 once it has brought data of a tunnel
    // Measured now and then while there is traffic (`measure_interval`).
    Counter bytes_per_second;
    Counter busy_permille;   ///< of the shard's thread: its share of a core
    Counter measured_at_ns;  ///< on the loop's clock; old if nothing happens
};

}  // namespace caponier::relay
