#pragma once
// Receive buffers that the kernel picks from when bytes have arrived: one registered buffer ring a
// pool. Buffers that come back are handed to the kernel together, once a turn. Receives that found
// no buffer are kept here until there is one; uring_loop.cpp submits them again.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/io/buffer_pool.h"
#include "engine/io/completion_list.h"
#include "engine/io/loop.h"
#include "engine/io/uring_ring.h"

namespace caponier::io {

class UringBufferPool;

/// The pools of one ring by their buffer group number. Its places are used again.
using UringPools = std::vector<UringBufferPool*>;

class UringBufferPool final : public BufferPool {
  public:
    /// `ring` and `pools` outlive the pool.
    [[nodiscard]] static IoResult<std::unique_ptr<UringBufferPool>> make(UringRing& ring,
                                                                         UringPools& pools,
                                                                         const Shape& shape);
    /// Unusable until make() has registered it.
    UringBufferPool(UringRing& ring, UringPools& pools, const Shape& shape) noexcept;
    ~UringBufferPool() override;

    [[nodiscard]] const Shape& shape() const noexcept override { return shape_; }
    [[nodiscard]] std::uint32_t available() const noexcept override {
        return shape_.buffers - leased_;
    }

    [[nodiscard]] std::uint16_t group() const noexcept { return group_; }
    /// The kernel filled buffer `index` with `bytes` bytes.
    [[nodiscard]] Lease lease(std::uint32_t index, std::uint32_t bytes) noexcept;

    /// Hands the buffers that came back to the kernel.
    void publish_returned() noexcept;
    /// How often that was done: a receive that was submitted since and found no buffer tells that
    /// the kernel has none.
    [[nodiscard]] std::uint32_t publications() const noexcept { return publications_; }

    /// The kernel had no buffer for this receive, which was submitted after `publications` of them.
    void starve(Completion& receive, std::uint32_t publications) noexcept;
    void forget(Completion& receive) noexcept;
    [[nodiscard]] bool has_starved() const noexcept { return !starved_.empty(); }
    /// True if a starved receive may find a buffer now.
    [[nodiscard]] bool can_feed() const noexcept {
        return has_starved() && !is_dry_ && available() > 0;
    }
    /// The receive that waits longest. There has to be one.
    [[nodiscard]] Completion& next_starved() noexcept { return starved_.pop_front(); }

  private:
    /// Memory of our own that starts at a page, untouched until it is used.
    class Pages {
      public:
        Pages() noexcept = default;
        explicit Pages(std::size_t bytes) noexcept;
        Pages(const Pages&) = delete;
        Pages& operator=(const Pages&) = delete;
        Pages(Pages&&) = delete;
        Pages& operator=(Pages&&) = delete;
        ~Pages();
        [[nodiscard]] std::byte* data() const noexcept { return bytes_.data(); }

      private:
        std::span<std::byte> bytes_;
    };

    [[nodiscard]] io_uring_buf_ring& buffer_ring() noexcept;
    [[nodiscard]] int enter_group() noexcept;

    [[nodiscard]] std::byte* buffer(std::uint32_t index) noexcept override;
    void give_back(std::uint32_t index) noexcept override;

    UringRing& ring_;
    UringPools& pools_;
    Shape shape_;
    std::size_t stride_bytes_;
    Pages memory_;
    Pages ring_memory_;
    std::uint16_t group_ = 0;
    bool is_registered_ = false;
    bool is_dry_ = false;
    std::uint32_t leased_ = 0;
    std::uint32_t returned_ = 0;  ///< offered, not yet published
    std::uint32_t publications_ = 0;
    CompletionList starved_;
};

}  // namespace caponier::io
