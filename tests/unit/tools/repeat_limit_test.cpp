// A flood of messages of one kind: the first few are told, the rest is counted.

#include "tools/cli/repeat_limit.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace caponier::cli {
namespace {

using client::LogLevel;
using client::Repeatable;
using std::chrono::milliseconds;
using TimePoint = RepeatLimit::TimePoint;

constexpr Repeatable kind = Repeatable::connection_refused;
constexpr TimePoint start{std::chrono::hours{1}};
constexpr milliseconds second{1'000};

/// How many of `count` messages are told.
std::size_t told_of(RepeatLimit& limit, std::size_t count, TimePoint now, Repeatable what = kind) {
    std::size_t told = 0;
    for (std::size_t number = 1; number <= count; ++number) {
        const std::string line = "number " + std::to_string(number);
        told += limit.admits(what, {.level = LogLevel::info, .line = line}, now) ? 1 : 0;
    }
    return told;
}

std::vector<std::string> summaries(RepeatLimit& limit, TimePoint now) {
    std::vector<std::string> lines;
    while (const auto summary = limit.take_due(now)) {
        lines.push_back(summary->line);
    }
    return lines;
}

using Lines = std::vector<std::string>;

TEST(RepeatLimit, TellsTheFirstTenOfASecond) {
    RepeatLimit limit;

    EXPECT_EQ(told_of(limit, 9, start), 9U);
    EXPECT_EQ(told_of(limit, 9, start + second / 2), 1U);
}

TEST(RepeatLimit, TellsAllWhereThereAreFewInASecond) {
    RepeatLimit limit;
    for (int at = 0; at < 20; ++at) {
        EXPECT_EQ(told_of(limit, 10, start + at * second), 10U);
        EXPECT_EQ(summaries(limit, start + at * second), Lines{});
    }
}

TEST(RepeatLimit, CountsTheRestAndShowsTheLast) {
    RepeatLimit limit;
    told_of(limit, 322, start);

    EXPECT_EQ(summaries(limit, start + second - milliseconds{1}), Lines{});
    EXPECT_EQ(summaries(limit, start + second), Lines{"and 312 more like this: number 322"});
    EXPECT_EQ(summaries(limit, start + 2 * second), Lines{});
}

TEST(RepeatLimit, SaysWhenTheNextSummaryIsDue) {
    RepeatLimit limit;
    EXPECT_EQ(limit.next_due(), TimePoint::max());

    told_of(limit, 11, start);

    EXPECT_EQ(limit.next_due(), start + second);
    EXPECT_EQ(summaries(limit, limit.next_due()).size(), 1U);
    EXPECT_EQ(limit.next_due(), TimePoint::max());
}

TEST(RepeatLimit, AFloodThatLastsCostsALineASecond) {
    RepeatLimit limit;
    told_of(limit, 100, start);
    for (int at = 1; at < 20; ++at) {
        EXPECT_EQ(summaries(limit, start + at * second).size(), 1U);
        EXPECT_EQ(told_of(limit, 100, start + at * second), 0U);
    }
}

TEST(RepeatLimit, AfterASecondWithoutAnyAllIsAsBefore) {
    RepeatLimit limit;
    told_of(limit, 100, start);
    EXPECT_EQ(summaries(limit, start + second).size(), 1U);

    EXPECT_EQ(told_of(limit, 100, start + 2 * second), 10U);
}

TEST(RepeatLimit, KindsDoNotCountForEachOther) {
    RepeatLimit limit;
    told_of(limit, 20, start);

    EXPECT_EQ(told_of(limit, 20, start, Repeatable::warning), 10U);
    EXPECT_EQ(summaries(limit, start + second).size(), 2U);
}

TEST(RepeatLimit, AtTheEndWhatIsCountedIsToldBeforeItIsDue) {
    RepeatLimit limit;
    told_of(limit, 12, start);

    EXPECT_EQ(summaries(limit, TimePoint::max()), Lines{"and 2 more like this: number 12"});
}

}  // namespace
}  // namespace caponier::cli
