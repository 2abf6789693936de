#pragma once
// Fixed receive buffers of one thread. A receive names a pool, not a buffer: the buffer is picked
// when bytes have arrived, so that an idle connection holds none.

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace caponier::io {

class Lease;

/// Made by Loop::make_pool(), destroyed before its loop and after its last Lease.
class BufferPool {
  public:
    struct Shape {
        std::uint32_t buffers = 0;       ///< a power of two, at most 32,768
        std::uint32_t buffer_bytes = 0;  ///< what one receive can bring
        /// Writable room in front of each buffer, for an unconsumed tail to be put there.
        std::uint32_t headroom_bytes = 0;
    };

    BufferPool() = default;
    BufferPool(const BufferPool&) = delete;
    BufferPool& operator=(const BufferPool&) = delete;
    virtual ~BufferPool() = default;

    [[nodiscard]] virtual const Shape& shape() const noexcept = 0;
    /// Buffers that no Lease holds.
    [[nodiscard]] virtual std::uint32_t available() const noexcept = 0;

  private:
    friend class Lease;
    /// First byte of the buffer, behind its headroom.
    [[nodiscard]] virtual std::byte* buffer(std::uint32_t index) noexcept = 0;
    virtual void give_back(std::uint32_t index) noexcept = 0;
};

/// The right to use one buffer; giving it up returns the buffer to its pool. Move-only. Stays on
/// the thread of its pool.
class Lease {
  public:
    Lease() noexcept = default;
    /// For pools only.
    Lease(BufferPool& pool, std::uint32_t index, std::uint32_t bytes) noexcept
        : pool_(&pool), index_(index), bytes_(bytes) {}
    Lease(Lease&& other) noexcept
        : pool_(std::exchange(other.pool_, nullptr)), index_(other.index_), bytes_(other.bytes_) {}
    Lease& operator=(Lease&& other) noexcept;
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease() { reset(); }

    [[nodiscard]] explicit operator bool() const noexcept { return pool_ != nullptr; }
    /// Of a lease that is held.
    [[nodiscard]] const BufferPool& pool() const noexcept { return *pool_; }
    /// The bytes that arrived. Valid while the lease is held.
    [[nodiscard]] std::span<std::byte> bytes() const noexcept;
    /// Puts `tail` directly in front of the bytes and returns both as one span; the tail must fit
    /// the headroom. `tail` may lie in another lease of any pool.
    [[nodiscard]] std::span<std::byte> prepend(std::span<const std::byte> tail) const noexcept;
    void reset() noexcept;

  private:
    BufferPool* pool_ = nullptr;
    std::uint32_t index_ = 0;
    std::uint32_t bytes_ = 0;
};

}  // namespace caponier::io
