// Numbers and places of channels.

#include "ssh/connection/channel_table.h"

#include "ssh/expects.h"

namespace caponier::ssh {

std::optional<LocalChannelId> ChannelTable::claim() {
    if (in_use_ == channels_max_) {
        return std::nullopt;
    }
    if (free_.empty()) {
        free_.push_back(static_cast<std::uint32_t>(channels_.size()));
        channels_.push_back(std::make_unique<Channel>());
    }
    const std::uint32_t number = free_.back();
    free_.pop_back();
    channels_[number]->phase = ChannelPhase::waiting;
    ++in_use_;
    return LocalChannelId{number};
}

void ChannelTable::release(LocalChannelId id) noexcept {
    Channel* channel = find(id);
    expects(channel != nullptr);
    *channel = Channel{};
    channel->has_predecessor = true;
    free_.push_back(static_cast<std::uint32_t>(id));
    --in_use_;
}

bool ChannelTable::was_released(LocalChannelId id) const noexcept {
    const std::size_t number = static_cast<std::uint32_t>(id);
    return number < channels_.size() && channels_[number]->has_predecessor;
}

Channel* ChannelTable::find(LocalChannelId id) noexcept {
    const std::size_t number = static_cast<std::uint32_t>(id);
    if (number >= channels_.size() || channels_[number]->phase == ChannelPhase::free) {
        return nullptr;
    }
    return channels_[number].get();
}

const Channel* ChannelTable::find(LocalChannelId id) const noexcept {
    return const_cast<ChannelTable*>(this)->find(id);
}

}  // namespace caponier::ssh
