// See epoll_buffer_pool.h. The buffer that came back last is used first: it is still in the cache.

#include "engine/io/epoll_buffer_pool.h"

#include <algorithm>
#include <bit>

#include "engine/io/expects.h"

namespace caponier::io {

namespace {

constexpr std::uint32_t buffers_max = 32'768;
constexpr std::size_t cache_line_bytes = 64;

std::size_t in_whole_cache_lines(std::size_t bytes) noexcept {
    return (bytes + cache_line_bytes - 1) / cache_line_bytes * cache_line_bytes;
}

}  // namespace

EpollBufferPool::EpollBufferPool(EpollPools& pools, const Shape& shape)
    : pools_(pools),
      shape_(shape),
      headroom_bytes_(in_whole_cache_lines(shape.headroom_bytes)),
      stride_bytes_(headroom_bytes_ + in_whole_cache_lines(shape.buffer_bytes)) {
    expects(std::has_single_bit(shape.buffers));
    expects(shape.buffers <= buffers_max);
    expects(shape.buffer_bytes > 0);
    memory_ = std::make_unique_for_overwrite<std::byte[]>(stride_bytes_ * shape.buffers);
    free_.reserve(shape.buffers);
    for (std::uint32_t index = shape.buffers; index > 0; --index) {
        free_.push_back(index - 1);
    }
    pools_.push_back(this);
}

EpollBufferPool::~EpollBufferPool() {
    expects(free_.size() == shape_.buffers);
    expects(starved_.empty());
    std::erase(pools_, this);
}

std::optional<std::uint32_t> EpollBufferPool::take() noexcept {
    if (free_.empty()) {
        return std::nullopt;
    }
    const std::uint32_t index = free_.back();
    free_.pop_back();
    return index;
}

std::span<std::byte> EpollBufferPool::space(std::uint32_t index) noexcept {
    return {buffer(index), shape_.buffer_bytes};
}

void EpollBufferPool::give_back(std::uint32_t index) noexcept {
    expects(free_.size() < shape_.buffers);
    free_.push_back(index);
}

std::byte* EpollBufferPool::buffer(std::uint32_t index) noexcept {
    expects(index < shape_.buffers);
    return &memory_[index * stride_bytes_ + headroom_bytes_];
}

}  // namespace caponier::io
