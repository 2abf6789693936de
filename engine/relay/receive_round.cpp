// Bookkeeping of one served receive buffer. The vectors keep their capacity from round to round, so
// that nothing is allocated once a shard is warm.

#include "engine/relay/receive_round.h"

#include <functional>

#include "engine/relay/limits.h"
#include "ssh/expects.h"

namespace caponier::relay {

void ReceiveRound::begin(io::Lease&& lease, std::span<const std::byte> bytes) noexcept {
    ssh::expects(is_free());
    lease_ = std::move(lease);
    bytes_ = bytes;
    nodes_.clear();
    gathered_used_ = 0;
    touched_.clear();
    retained_ = 1;
}

bool ReceiveRound::holds(std::span<const std::byte> bytes) const noexcept {
    const std::less_equal<> at_most;
    return at_most(bytes_.data(), bytes.data()) &&
           at_most(bytes.data() + bytes.size(), bytes_.data() + bytes_.size());
}

ReceiveRound::Link ReceiveRound::add(std::span<const std::byte> bytes, Link last) {
    nodes_.push_back(Node{bytes});
    const Link added{static_cast<std::uint32_t>(nodes_.size())};
    if (last != Link::none) {
        nodes_[static_cast<std::uint32_t>(last) - 1].next = added;
    }
    return added;
}

ReceiveRound::Gathered ReceiveRound::gather(Link first) {
    if (gathered_used_ == gathered_.size()) {
        gathered_.emplace_back();
    }
    std::vector<io::Piece>& pieces = gathered_[gathered_used_++];
    pieces.clear();
    while (first != Link::none && pieces.size() < delivery_pieces_max) {
        const Node& node = nodes_[static_cast<std::uint32_t>(first) - 1];
        pieces.push_back(io::piece_of(node.bytes));
        first = node.next;
    }
    return {pieces, first};
}

ReceiveRound::Step ReceiveRound::step(Link link) const noexcept {
    const Node& node = nodes_[static_cast<std::uint32_t>(link) - 1];
    return {node.bytes, node.next};
}

void ReceiveRound::release() noexcept {
    ssh::expects(retained_ > 0);
    if (--retained_ == 0) {
        lease_.reset();
    }
}

}  // namespace caponier::relay
