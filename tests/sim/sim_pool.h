#pragma once
// Receive buffers of a SimLoop. A buffer that was given back is scribbled over, so that a view that
// outlived its lease shows up as wrong bytes; how many leases are out is asked at the end of a
// test.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/io/buffer_pool.h"

namespace caponier::sim {

class SimPool;

/// The loop that made the pool.
class PoolObserver {
  public:
    PoolObserver() = default;
    PoolObserver(const PoolObserver&) = delete;
    PoolObserver& operator=(const PoolObserver&) = delete;
    virtual ~PoolObserver() = default;
    /// A buffer came back: receives that wait for one may go on.
    virtual void pool_changed(SimPool& pool) noexcept = 0;
    virtual void pool_gone(SimPool& pool) noexcept = 0;
};

class SimPool final : public io::BufferPool {
  public:
    SimPool(const Shape& shape, PoolObserver& observer);
    ~SimPool() override;

    [[nodiscard]] const Shape& shape() const noexcept override { return shape_; }
    [[nodiscard]] std::uint32_t available() const noexcept override;
    [[nodiscard]] std::uint32_t leases_out() const noexcept;

    /// Copies `bytes`, at most the size of a buffer, into a free one. There has to be one.
    [[nodiscard]] io::Lease lease(std::span<const std::byte> bytes);

  private:
    [[nodiscard]] std::byte* buffer(std::uint32_t index) noexcept override;
    void give_back(std::uint32_t index) noexcept override;

    Shape shape_;
    PoolObserver& observer_;
    /// Allocated at first use: most simulated pools are larger than what a run needs.
    std::vector<std::vector<std::byte>> buffers_;
    std::vector<std::uint32_t> free_;
    std::vector<std::uint32_t> used_bytes_;
};

}  // namespace caponier::sim
