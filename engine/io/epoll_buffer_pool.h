#pragma once
// Receive buffers of an EpollLoop: one block of memory and a list of the free places in it.
// Receives that found bytes but no buffer are kept here until there is one; epoll_loop.cpp tries
// them again.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/io/buffer_pool.h"
#include "engine/io/completion_list.h"

namespace caponier::io {

class EpollBufferPool;

/// The pools of one loop.
using EpollPools = std::vector<EpollBufferPool*>;

class EpollBufferPool final : public BufferPool {
  public:
    /// Enters itself in `pools`, which outlives it.
    EpollBufferPool(EpollPools& pools, const Shape& shape);
    ~EpollBufferPool() override;

    [[nodiscard]] const Shape& shape() const noexcept override { return shape_; }
    [[nodiscard]] std::uint32_t available() const noexcept override {
        return static_cast<std::uint32_t>(free_.size());
    }

    /// A free buffer, to be wrapped in a Lease or given back; empty if there is none.
    [[nodiscard]] std::optional<std::uint32_t> take() noexcept;
    [[nodiscard]] std::span<std::byte> space(std::uint32_t index) noexcept;
    void give_back(std::uint32_t index) noexcept override;

    void starve(Completion& receive) noexcept { starved_.push_back(receive); }
    void forget(Completion& receive) noexcept { starved_.remove(receive); }
    [[nodiscard]] bool can_feed() const noexcept { return !starved_.empty() && !free_.empty(); }
    /// The receive that waits longest. There has to be one.
    [[nodiscard]] Completion& next_starved() noexcept { return starved_.pop_front(); }

  private:
    [[nodiscard]] std::byte* buffer(std::uint32_t index) noexcept override;

    EpollPools& pools_;
    Shape shape_;
    std::size_t headroom_bytes_;
    std::size_t stride_bytes_;
    /// Untouched until it is used, so that a large pool costs what is in use.
    std::unique_ptr<std::byte[]> memory_;
    std::vector<std::uint32_t> free_;
    CompletionList starved_;
};

}  // namespace caponier::io
