// See held_input.h.

#include "engine/relay/held_input.h"

#include <utility>

#include "ssh/expects.h"

namespace caponier::relay {

void HeldInput::hold(io::Lease&& lease, std::span<const std::byte> bytes) {
    ssh::expects(empty());
    ssh::expects(!bytes.empty());
    if (lease.pool().available() >= lease.pool().shape().buffers / 2) {
        lease_ = std::move(lease);
        bytes_ = bytes;
        return;
    }
    copy_.assign(bytes.begin(), bytes.end());
    bytes_ = copy_;
    lease.reset();
}

void HeldInput::consume(std::size_t bytes) noexcept {
    ssh::expects(bytes <= bytes_.size());
    bytes_ = bytes_.subspan(bytes);
    if (bytes_.empty()) {
        clear();
    }
}

void HeldInput::clear() noexcept {
    *this = HeldInput{};
}

}  // namespace caponier::relay
