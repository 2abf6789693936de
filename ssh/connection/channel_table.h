#pragma once
// The channels of a session by number: dense, O(1) both ways, and a number is used again only after
// it was released.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "ssh/connection/channel.h"

namespace caponier::ssh {

class ChannelTable {
  public:
    /// At most `most` at once.
    explicit ChannelTable(std::size_t most) noexcept : channels_max_{most} {}

    /// A free number, with a fresh channel in phase waiting; empty if all are in use.
    [[nodiscard]] std::optional<LocalChannelId> claim();
    void release(LocalChannelId id) noexcept;

    /// Null for a number that is not in use.
    [[nodiscard]] Channel* find(LocalChannelId id) noexcept;
    [[nodiscard]] const Channel* find(LocalChannelId id) const noexcept;
    [[nodiscard]] std::size_t in_use() const noexcept { return in_use_; }
    /// Some channel had this number and is over: what comes for it may be late. Of a number that is
    /// in use again this stays true.
    [[nodiscard]] bool was_released(LocalChannelId id) const noexcept;

  private:
    std::size_t channels_max_;
    /// Pointers, so that a Channel stays where it is when the table grows.
    std::vector<std::unique_ptr<Channel>> channels_;
    std::vector<std::uint32_t> free_;
    std::size_t in_use_ = 0;
};

}  // namespace caponier::ssh
