// The memory of a pool and the ring that it shares with the kernel. liburing 2.3 cannot set such a
// ring up by itself, so it is allocated and registered here.

#include "engine/io/uring_buffer_pool.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <iterator>

#include <sys/mman.h>

#include "engine/io/expects.h"

namespace caponier::io {

namespace {

constexpr std::uint32_t buffers_max = 32'768;  // the kernel's limit of a buffer ring
constexpr std::size_t groups_max = 65'536;     // a group number has 16 bits
constexpr std::size_t cache_line_bytes = 64;

// Headroom and buffer, padded so that every buffer begins at a cache line.
std::size_t headroom_stride(const BufferPool::Shape& shape) noexcept {
    return (shape.headroom_bytes + cache_line_bytes - 1) / cache_line_bytes * cache_line_bytes;
}

std::size_t stride(const BufferPool::Shape& shape) noexcept {
    const std::size_t bytes = headroom_stride(shape) + shape.buffer_bytes;
    return (bytes + cache_line_bytes - 1) / cache_line_bytes * cache_line_bytes;
}

}  // namespace

IoResult<std::unique_ptr<UringBufferPool>> UringBufferPool::make(UringRing& ring,
                                                                 UringPools& pools,
                                                                 const Shape& shape) {
    expects(std::has_single_bit(shape.buffers));
    expects(shape.buffers <= buffers_max);
    expects(shape.buffer_bytes > 0);

    auto made = std::make_unique<UringBufferPool>(ring, pools, shape);
    if (made->memory_.data() == nullptr || made->ring_memory_.data() == nullptr) {
        return tl::unexpected{IoError{ENOMEM}};
    }
    const int error = made->enter_group();
    if (error != 0) {
        return tl::unexpected{IoError{error}};
    }
    for (std::uint32_t index = 0; index < shape.buffers; ++index) {
        ++made->leased_;
        made->give_back(index);
    }
    made->publish_returned();
    return made;
}

UringBufferPool::UringBufferPool(UringRing& ring, UringPools& pools, const Shape& shape) noexcept
    : ring_(ring),
      pools_(pools),
      shape_(shape),
      stride_bytes_(stride(shape)),
      memory_(shape.buffers * stride_bytes_),
      ring_memory_(shape.buffers * sizeof(io_uring_buf)) {}

UringBufferPool::~UringBufferPool() {
    expects(leased_ == 0);
    expects(starved_.empty());
    if (is_registered_) {
        io_uring_unregister_buf_ring(&ring_.kernel_ring(), group_);
        pools_[group_] = nullptr;
    }
}

// Takes the lowest free group number and registers the ring under it. 0 or a positive errno.
int UringBufferPool::enter_group() noexcept {
    const auto place = std::ranges::find(pools_, nullptr);
    const auto number = static_cast<std::size_t>(place - pools_.begin());
    if (number == groups_max) {
        return ENOSPC;
    }
    io_uring_buf_reg registration{};
    registration.ring_addr = reinterpret_cast<std::uintptr_t>(ring_memory_.data());
    registration.ring_entries = shape_.buffers;
    registration.bgid = static_cast<std::uint16_t>(number);
    const int result = io_uring_register_buf_ring(&ring_.kernel_ring(), &registration, 0);
    if (result < 0) {
        return -result;
    }
    if (place == pools_.end()) {
        pools_.push_back(this);
    } else {
        *place = this;
    }
    group_ = registration.bgid;
    is_registered_ = true;
    return 0;
}

Lease UringBufferPool::lease(std::uint32_t index, std::uint32_t bytes) noexcept {
    expects(index < shape_.buffers);
    expects(bytes <= shape_.buffer_bytes);
    ++leased_;
    return Lease{*this, index, bytes};
}

void UringBufferPool::publish_returned() noexcept {
    if (returned_ == 0) {
        return;
    }
    io_uring_buf_ring_advance(&buffer_ring(), static_cast<int>(returned_));
    returned_ = 0;
    is_dry_ = false;
    ++publications_;
}

void UringBufferPool::starve(Completion& receive, std::uint32_t publications) noexcept {
    is_dry_ = is_dry_ || publications == publications_;
    starved_.push_back(receive);
}

void UringBufferPool::forget(Completion& receive) noexcept {
    starved_.remove(receive);
}

io_uring_buf_ring& UringBufferPool::buffer_ring() noexcept {
    return *reinterpret_cast<io_uring_buf_ring*>(ring_memory_.data());
}

std::byte* UringBufferPool::buffer(std::uint32_t index) noexcept {
    const std::size_t offset = index * stride_bytes_ + headroom_stride(shape_);
    return std::next(memory_.data(), static_cast<std::ptrdiff_t>(offset));
}

void UringBufferPool::give_back(std::uint32_t index) noexcept {
    expects(leased_ > 0);
    --leased_;
    io_uring_buf_ring_add(&buffer_ring(),
                          buffer(index),
                          shape_.buffer_bytes,
                          static_cast<std::uint16_t>(index),
                          io_uring_buf_ring_mask(shape_.buffers),
                          static_cast<int>(returned_));
    ++returned_;
}

UringBufferPool::Pages::Pages(std::size_t bytes) noexcept {
    void* const start =
        ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start != MAP_FAILED) {
        bytes_ = {static_cast<std::byte*>(start), bytes};
    }
}

UringBufferPool::Pages::~Pages() {
    if (!bytes_.empty()) {
        ::munmap(bytes_.data(), bytes_.size());
    }
}

}  // namespace caponier::io
