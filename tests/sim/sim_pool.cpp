// See sim_pool.h.

#include "tests/sim/sim_pool.h"

#include <algorithm>

#include "engine/io/expects.h"

namespace caponier::sim {

using io::expects;

namespace {

constexpr std::byte scribble{0xdd};

}  // namespace

SimPool::SimPool(const Shape& shape, PoolObserver& observer)
    : shape_(shape), observer_(observer), buffers_(shape.buffers), used_bytes_(shape.buffers) {
    for (std::uint32_t index = shape.buffers; index > 0; --index) {
        free_.push_back(index - 1);
    }
}

SimPool::~SimPool() {
    expects(leases_out() == 0);
    observer_.pool_gone(*this);
}

std::uint32_t SimPool::available() const noexcept {
    return static_cast<std::uint32_t>(free_.size());
}

std::uint32_t SimPool::leases_out() const noexcept {
    return shape_.buffers - available();
}

io::Lease SimPool::lease(std::span<const std::byte> bytes) {
    expects(!free_.empty());
    expects(bytes.size() <= shape_.buffer_bytes);
    const std::uint32_t index = free_.back();
    free_.pop_back();
    buffers_[index].resize(std::size_t{shape_.headroom_bytes} + shape_.buffer_bytes, scribble);
    std::copy(bytes.begin(), bytes.end(), buffer(index));
    used_bytes_[index] = static_cast<std::uint32_t>(bytes.size());
    return io::Lease{*this, index, used_bytes_[index]};
}

std::byte* SimPool::buffer(std::uint32_t index) noexcept {
    return buffers_[index].data() + shape_.headroom_bytes;
}

void SimPool::give_back(std::uint32_t index) noexcept {
    expects(index < shape_.buffers);
    expects(std::find(free_.begin(), free_.end(), index) == free_.end());
    std::fill_n(buffer(index), used_bytes_[index], scribble);
    free_.push_back(index);
    observer_.pool_changed(*this);
}

}  // namespace caponier::sim
