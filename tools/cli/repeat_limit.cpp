// A count for each kind. An interval in which something was held back is followed by one in which
// everything is, so that a flood costs a line a second for as long as it lasts.

#include "tools/cli/repeat_limit.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace caponier::cli {

bool RepeatLimit::admits(client::Repeatable kind, const Message& message, TimePoint now) {
    Count& count = counts_[static_cast<std::size_t>(kind)];
    if (count.held_back == 0 && now >= count.begin + interval) {
        count.begin = now;
        count.told = 0;
    }
    if (count.told < lines_at_once) {
        ++count.told;
        return true;
    }
    ++count.held_back;
    count.level = message.level;
    count.last = message.line;
    return false;
}

std::optional<RepeatLimit::Summary> RepeatLimit::take_due(TimePoint now) {
    for (Count& count : counts_) {
        if (count.held_back > 0 && now >= count.begin + interval) {
            count.begin = now;
            return Summary{
                .level = count.level,
                .line = fmt::format(
                    "and {} more like this: {}", std::exchange(count.held_back, 0), count.last)};
        }
    }
    return std::nullopt;
}

RepeatLimit::TimePoint RepeatLimit::next_due() const noexcept {
    TimePoint due = TimePoint::max();
    for (const Count& count : counts_) {
        if (count.held_back > 0) {
            due = std::min(due, count.begin + interval);
        }
    }
    return due;
}

}  // namespace caponier::cli
