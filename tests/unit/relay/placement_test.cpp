// Which session the next tunnel goes to, by numbers.

#include "engine/relay/placement.h"

#include <array>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "engine/relay/limits.h"

namespace caponier::relay {
namespace {

constexpr SessionLoad idle{.usable = true};
constexpr SessionLoad full{.usable = false};
constexpr SessionLoad bulky{.bytes_per_second = bulk_bytes_per_second, .usable = true};
constexpr SessionLoad backed_up{.queued_bytes = outbox_high_water_bytes, .usable = true};
constexpr SessionLoad avoided{.usable = true, .avoided = true};

constexpr SessionLoad with_channels(std::uint64_t channels) {
    return {.channels = channels, .usable = true};
}

/// What comes of every pair of draws.
std::set<std::size_t> choices(const std::vector<SessionLoad>& loads, const Spread& spread = {}) {
    std::set<std::size_t> chosen;
    for (std::uint64_t first = 0; first < 12; ++first) {
        for (std::uint64_t second = 0; second < 12; ++second) {
            if (const auto choice = choose_session(loads, {first, second}, spread)) {
                chosen.insert(*choice);
            }
        }
    }
    return chosen;
}

using Choices = std::set<std::size_t>;

TEST(Placement, HasNowhereToGoWhenAllAreFull) {
    EXPECT_EQ(choose_session({}, {}), std::nullopt);
    EXPECT_TRUE(choices({full, full}).empty());
}

TEST(Placement, TakesTheOnlyOneThereIs) {
    EXPECT_EQ(choices({full, with_channels(499), full}), (Choices{1}));
}

TEST(Placement, GivesEveryIdleSessionAChance) {
    EXPECT_EQ(choices({idle, idle, idle, idle}), (Choices{0, 1, 2, 3}));
}

TEST(Placement, NeverTakesTheFullestOfSeveral) {
    EXPECT_EQ(choices({with_channels(9), with_channels(3), with_channels(5)}), (Choices{1, 2}));
}

TEST(Placement, TakesTheLighterOfTwoForEveryDraw) {
    EXPECT_EQ(choices({with_channels(9), with_channels(3)}), (Choices{1}));
    EXPECT_EQ(choices({{.queued_bytes = 200'000, .usable = true}, with_channels(3)}), (Choices{1}));
    EXPECT_EQ(choices({{.bytes_per_second = 9 * 1024 * 1024, .usable = true}, with_channels(3)}),
              (Choices{1}));
}

TEST(Placement, LeavesABulkSessionAloneWhileAnotherIsFree) {
    EXPECT_EQ(choices({bulky, with_channels(499), backed_up}), (Choices{1}));
    EXPECT_EQ(choices({bulky, full}), (Choices{0}));
}

TEST(Placement, SpreadsOverTheFirstThatAreFreeAndBelowTheMark) {
    const Spread two{.sessions = 2, .channels_mark = 10};

    EXPECT_EQ(choices({idle, idle, idle}, two), (Choices{0, 1}));
    EXPECT_EQ(choices({idle, bulky, full, idle, idle}, two), (Choices{0, 3}));
    EXPECT_EQ(choices({with_channels(10), idle, with_channels(10)}, two), (Choices{1}));
    EXPECT_EQ(choices({with_channels(10), with_channels(10), with_channels(10)}, two),
              (Choices{0, 1, 2}));
    EXPECT_EQ(choices({bulky, avoided, bulky, bulky}, two), (Choices{0, 2, 3}));
}

TEST(Placement, IsSaturatedByTrafficOrByABusyThreadUnderBulk) {
    EXPECT_TRUE(is_saturated({.bytes_per_second = saturated_bytes_per_second}));
    EXPECT_FALSE(is_saturated({.bytes_per_second = saturated_bytes_per_second - 1}));
    EXPECT_TRUE(is_saturated(
        {.bytes_per_second = bulk_bytes_per_second, .busy_permille = saturated_permille}));
    EXPECT_FALSE(is_saturated({.busy_permille = 1'000}));
}

TEST(Placement, AvoidsOneThatWasShortOfSomethingBeforeAnyOther) {
    EXPECT_EQ(choices({avoided, bulky}), (Choices{1}));
    EXPECT_EQ(choices({avoided, full}), (Choices{0}));
}

}  // namespace
}  // namespace caponier::relay
