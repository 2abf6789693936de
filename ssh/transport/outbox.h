#pragma once
// Sealed bytes on their way to the socket: a chain of fixed segments. Bytes never move once they
// are in it, so a send in flight may point into them while the next packets are sealed behind.

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace caponier::ssh {

class Outbox {
  public:
    /// Four packets of the largest data size with everything around them.
    static constexpr std::size_t segment_bytes = 4 * (32 * 1024 + 64);
    /// Segments that are kept for what comes next, as long as much is sent.
    static constexpr std::size_t spare_segments_max = 4;
    /// A spare is given back when the outbox has been emptied so often without needing a second
    /// segment.
    static constexpr std::size_t drains_before_giving_back = 64;

    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

    /// Contiguous room behind the last byte; `bytes` is at most segment_bytes. Valid until the next
    /// call. What is sealed into it counts from commit() on.
    [[nodiscard]] std::span<std::byte> reserve(std::size_t bytes);
    /// The first `bytes` of the last reserve() are complete.
    void commit(std::size_t bytes) noexcept;

    /// Fills `pieces` in order, returns how many. They stay until consume() releases them.
    [[nodiscard]] std::size_t pieces(std::span<std::span<const std::byte>> pieces) const noexcept;
    /// The socket took the first `bytes`.
    void consume(std::size_t bytes) noexcept;

  private:
    struct Segment {
        std::unique_ptr<std::array<std::byte, segment_bytes>> bytes;
        std::size_t begin = 0;
        std::size_t end = 0;
    };

    std::vector<Segment> segments_;  ///< in order; a handful
    std::vector<Segment> spare_;     ///< fewer and fewer of them while little is sent at a time
    std::size_t drains_with_little_ = 0;
    std::size_t used_max_ = 0;  ///< segments in use at once since the outbox was empty
    std::size_t bytes_ = 0;
};

}  // namespace caponier::ssh
