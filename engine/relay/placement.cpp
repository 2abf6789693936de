// The power of two choices: nearly as even as the best of all, and no herd runs to the one session
// whose counters are a moment old.

#include "engine/relay/placement.h"

#include <algorithm>

#include "engine/relay/limits.h"

namespace caponier::relay {

namespace {

/// From the best sessions to the worst; only those of the best rank that there is are drawn from.
enum class Rank : std::uint8_t { free, under_bulk_load, avoided, unusable };

Rank rank_of(const SessionLoad& load) noexcept {
    if (!load.usable) {
        return Rank::unusable;
    }
    if (load.avoided) {
        return Rank::avoided;
    }
    return is_under_bulk_load(load) ? Rank::under_bulk_load : Rank::free;
}

/// In channels: what else is going on counts as so many more of them.
std::uint64_t weight_of(const SessionLoad& load) noexcept {
    constexpr std::uint64_t queued_bytes_per_channel = 32 * 1024;
    constexpr std::uint64_t bytes_per_second_per_channel = 1024 * 1024;
    return load.channels + load.queued_bytes / queued_bytes_per_channel +
           load.bytes_per_second / bytes_per_second_per_channel;
}

}  // namespace

bool is_under_bulk_load(const SessionLoad& load) noexcept {
    return load.bytes_per_second >= bulk_bytes_per_second ||
           load.queued_bytes >= outbox_high_water_bytes;
}

bool is_saturated(const SessionLoad& load) noexcept {
    return load.bytes_per_second >= saturated_bytes_per_second ||
           (load.busy_permille >= saturated_permille && is_under_bulk_load(load));
}

std::optional<std::size_t> choose_session(std::span<const SessionLoad> loads,
                                          const Dice& dice,
                                          const Spread& spread) noexcept {
    Rank best = Rank::unusable;
    for (const SessionLoad& load : loads) {
        best = std::min(best, rank_of(load));
    }
    if (best == Rank::unusable) {
        return std::nullopt;
    }
    const auto is_below_the_mark = [&](const SessionLoad& load) {
        return rank_of(load) == Rank::free && load.channels < spread.channels_mark;
    };
    const bool is_narrow = std::any_of(loads.begin(), loads.end(), is_below_the_mark);
    const auto is_candidate = [&](const SessionLoad& load) {
        return is_narrow ? is_below_the_mark(load) : rank_of(load) == best;
    };
    auto candidates =
        static_cast<std::uint64_t>(std::count_if(loads.begin(), loads.end(), is_candidate));
    if (is_narrow) {
        candidates = std::min<std::uint64_t>(candidates, spread.sessions);
    }
    const auto nth_candidate = [&](std::uint64_t n) {
        std::size_t at = 0;
        while (!is_candidate(loads[at]) || n-- > 0) {
            ++at;
        }
        return at;
    };
    const std::uint64_t first = dice.first % candidates;
    // The second draw is among the others.
    const std::uint64_t step = candidates > 1 ? 1 + dice.second % (candidates - 1) : 0;
    const std::size_t one = nth_candidate(first);
    const std::size_t other = nth_candidate((first + step) % candidates);
    return weight_of(loads[other]) < weight_of(loads[one]) ? other : one;
}

}  // namespace caponier::relay
