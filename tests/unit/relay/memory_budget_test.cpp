// What all channels together may promise.

#include "engine/relay/memory_budget.h"

#include <utility>

#include <gtest/gtest.h>

namespace caponier::relay {
namespace {

TEST(MemoryBudget, GivesSmallerWindowsTheMoreIsPromised) {
    MemoryBudget budget{64 * 1024 * 1024};
    std::uint32_t last = UINT32_MAX;
    std::size_t channels = 0;

    while (const std::optional<std::uint32_t> window = budget.take_initial({})) {
        EXPECT_LE(*window, last);
        last = *window;
        ++channels;
    }

    EXPECT_EQ(last, scarce_window_bytes);
    EXPECT_LE(budget.promised(), budget.bytes());
    EXPECT_GT(channels, 1'000U);
}

TEST(MemoryBudget, LeavesHalfToThoseThatOpen) {
    MemoryBudget budget{8 * 1024 * 1024};

    EXPECT_TRUE(budget.take_more(4 * 1024 * 1024));
    EXPECT_FALSE(budget.take_more(1));

    EXPECT_TRUE(budget.take_initial({}).has_value());
}

TEST(MemoryBudget, SaysForHowManyThereIsRoom) {
    MemoryBudget budget{3 * scarce_window_bytes - 1};
    EXPECT_EQ(budget.room(), 2U);

    ASSERT_TRUE(budget.take_initial({}).has_value());
    EXPECT_EQ(budget.room(), 1U);
    ASSERT_TRUE(budget.take_initial({}).has_value());

    EXPECT_EQ(budget.room(), 0U);
    EXPECT_FALSE(budget.take_initial({}).has_value());
}

TEST(MemoryBudget, PromisesNothingWhereItRefuses) {
    MemoryBudget budget{scarce_window_bytes - 1};

    EXPECT_FALSE(budget.take_initial({}).has_value());
    EXPECT_EQ(budget.promised(), 0U);
}

TEST(MemoryBudget, TakesBackWhatWasPromised) {
    MemoryBudget budget{scarce_window_bytes};
    ASSERT_TRUE(budget.take_initial({}).has_value());

    budget.give_back(scarce_window_bytes);

    EXPECT_TRUE(budget.take_initial({}).has_value());
}

TEST(MemoryShare, GivesBackWhatIsNotNeededAndTheRestWithItsOwner) {
    MemoryBudget budget{100};
    ASSERT_TRUE(budget.take_more(50));
    {
        MemoryShare share{&budget, 50};
        share.shrink_to(20);
        EXPECT_EQ(budget.promised(), 20U);
        share.shrink_to(30);
        EXPECT_EQ(budget.promised(), 20U);
    }

    EXPECT_EQ(budget.promised(), 0U);
}

TEST(MemoryShare, IsGivenBackOnceWhereverItWasMoved) {
    MemoryBudget budget{100};
    ASSERT_TRUE(budget.take_more(50));
    MemoryShare first{&budget, 30};
    MemoryShare second{&budget, 20};

    const MemoryShare moved{std::move(first)};
    EXPECT_EQ(budget.promised(), 50U);
    second = MemoryShare{};
    EXPECT_EQ(budget.promised(), 30U);
    MemoryShare without_a_budget{nullptr, 1000};
    without_a_budget.shrink_to(1);

    EXPECT_EQ(budget.promised(), 30U);
}

}  // namespace
}  // namespace caponier::relay
