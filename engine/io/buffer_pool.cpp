// The arithmetic of a Lease inside its buffer: headroom in front, the bytes that arrived behind it.
// Where the buffers come from is the business of each backend's pool.

#include "engine/io/buffer_pool.h"

#include <cstring>
#include <iterator>

#include "engine/io/expects.h"

namespace caponier::io {

Lease& Lease::operator=(Lease&& other) noexcept {
    if (this != &other) {
        reset();
        pool_ = std::exchange(other.pool_, nullptr);
        index_ = other.index_;
        bytes_ = other.bytes_;
    }
    return *this;
}

std::span<std::byte> Lease::bytes() const noexcept {
    if (pool_ == nullptr) {
        return {};
    }
    return {pool_->buffer(index_), bytes_};
}

std::span<std::byte> Lease::prepend(std::span<const std::byte> tail) const noexcept {
    expects(pool_ != nullptr);
    expects(tail.size() <= pool_->shape().headroom_bytes);
    std::byte* const first =
        std::prev(pool_->buffer(index_), static_cast<std::ptrdiff_t>(tail.size()));
    if (!tail.empty()) {
        // The tail may lie in this very buffer.
        std::memmove(first, tail.data(), tail.size());
    }
    return {first, tail.size() + bytes_};
}

void Lease::reset() noexcept {
    if (pool_ != nullptr) {
        std::exchange(pool_, nullptr)->give_back(index_);
    }
}

}  // namespace caponier::io
