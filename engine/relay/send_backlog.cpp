// The bytes a slow local socket still has to take: chunks in order, the front one partly consumed.
// A chunk that is part of a send in flight never grows, because growing could move it.

#include "engine/relay/send_backlog.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "engine/relay/limits.h"
#include "ssh/expects.h"

namespace caponier::relay {

void SendBacklog::append(std::span<const std::byte> bytes) {
    if (bytes.empty()) {
        return;
    }
    // Small pieces share a chunk while nobody points into it.
    constexpr std::size_t shared_chunk_bytes = 16 * 1024;
    if (chunks_.size() <= lent_.size() || chunks_.back().bytes.size() >= shared_chunk_bytes) {
        chunks_.emplace_back();
    }
    std::vector<std::byte>& last = chunks_.back().bytes;
    last.insert(last.end(), bytes.begin(), bytes.end());
    bytes_ += bytes.size();
}

void SendBacklog::append(SendBacklog&& behind) {
    ssh::expects(behind.lent_.empty());
    bytes_ += std::exchange(behind.bytes_, 0);
    std::move(behind.chunks_.begin(), behind.chunks_.end(), std::back_inserter(chunks_));
    behind.chunks_.clear();
}

std::span<const io::Piece> SendBacklog::lend() {
    lent_.clear();
    for (const Chunk& chunk : chunks_) {
        if (lent_.size() == delivery_pieces_max) {
            break;
        }
        lent_.push_back(io::piece_of(std::span{chunk.bytes}.subspan(chunk.begin)));
    }
    return lent_;
}

void SendBacklog::consume(std::size_t bytes) noexcept {
    ssh::expects(bytes <= bytes_);
    bytes_ -= bytes;
    lent_.clear();
    std::size_t spent = 0;
    for (; spent < chunks_.size(); ++spent) {
        Chunk& chunk = chunks_[spent];
        const std::size_t taken = std::min(bytes, chunk.bytes.size() - chunk.begin);
        chunk.begin += taken;
        bytes -= taken;
        if (chunk.begin < chunk.bytes.size()) {
            break;
        }
    }
    chunks_.erase(chunks_.begin(), chunks_.begin() + static_cast<std::ptrdiff_t>(spent));
    if (chunks_.empty()) {
        clear();
    }
}

void SendBacklog::clear() noexcept {
    *this = SendBacklog{};
}

}  // namespace caponier::relay
