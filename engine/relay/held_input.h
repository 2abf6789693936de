#pragma once
// Bytes that were read of a local socket and that the stream did not take at once. They stay where
// they were read, as long as half of the pool's buffers are free; from there on they are copied. So
// sessions that take nothing, however many, never hold more than half of a shard's buffers, and the
// other sessions read on.

#include <cstddef>
#include <span>
#include <vector>

#include "engine/io/buffer_pool.h"

namespace caponier::relay {

class HeldInput {
  public:
    [[nodiscard]] bool empty() const noexcept { return bytes_.empty(); }
    /// Valid until the next call that changes it.
    [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return bytes_; }

    /// Keeps `bytes`, which lie in `lease` and are not empty. Nothing may be held before.
    void hold(io::Lease&& lease, std::span<const std::byte> bytes);
    /// The stream took the first `bytes`. With the last of them the memory is given back.
    void consume(std::size_t bytes) noexcept;
    void clear() noexcept;

  private:
    io::Lease lease_;              ///< or
    std::vector<std::byte> copy_;  ///< where bytes_ lie
    std::span<const std::byte> bytes_;
};

}  // namespace caponier::relay
