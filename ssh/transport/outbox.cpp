// The chain of segments between sealing and sending.

#include "ssh/transport/outbox.h"

#include <algorithm>
#include <utility>

#include "ssh/expects.h"

namespace caponier::ssh {

std::span<std::byte> Outbox::reserve(std::size_t bytes) {
    expects(bytes <= segment_bytes);
    if (segments_.empty() || segment_bytes - segments_.back().end < bytes) {
        if (spare_.empty()) {
            // Not cleared: every byte is written before it is committed.
            spare_.push_back(
                {std::unique_ptr<std::array<std::byte, segment_bytes>>(
                     std::make_unique_for_overwrite<std::array<std::byte, segment_bytes>>()),
                 0,
                 0});
        }
        segments_.push_back(std::move(spare_.back()));
        spare_.pop_back();
        segments_.back().begin = segments_.back().end = 0;
    }
    Segment& last = segments_.back();
    return std::span{*last.bytes}.subspan(last.end, bytes);
}

void Outbox::commit(std::size_t bytes) noexcept {
    segments_.back().end += bytes;
    bytes_ += bytes;
}

std::size_t Outbox::pieces(std::span<std::span<const std::byte>> pieces) const noexcept {
    std::size_t count = 0;
    for (const Segment& segment : segments_) {
        if (count == pieces.size()) {
            break;
        }
        if (segment.end > segment.begin) {
            pieces[count++] =
                std::span{*segment.bytes}.subspan(segment.begin, segment.end - segment.begin);
        }
    }
    return count;
}

void Outbox::consume(std::size_t bytes) noexcept {
    expects(bytes <= bytes_);
    bytes_ -= bytes;
    std::size_t spent = 0;
    for (Segment& segment : segments_) {
        const std::size_t taken = std::min(bytes, segment.end - segment.begin);
        segment.begin += taken;
        bytes -= taken;
        if (segment.begin < segment.end) {
            break;
        }
        ++spent;
    }
    for (std::size_t i = 0; i < spent; ++i) {
        if (spare_.size() < spare_segments_max) {
            spare_.push_back(std::move(segments_[i]));
        }
    }
    used_max_ = std::max(used_max_, segments_.size());
    segments_.erase(segments_.begin(), segments_.begin() + static_cast<std::ptrdiff_t>(spent));
    if (segments_.empty()) {
        drains_with_little_ = std::exchange(used_max_, 0) <= 1 ? drains_with_little_ + 1 : 0;
        if (drains_with_little_ >= drains_before_giving_back && spare_.size() > 1) {
            spare_.pop_back();
            drains_with_little_ = 0;
        }
    }
}

}  // namespace caponier::ssh
