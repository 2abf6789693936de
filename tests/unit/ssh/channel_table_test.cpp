// Numbers of channels.

#include "ssh/connection/channel_table.h"

#include <gtest/gtest.h>

namespace caponier::ssh {
namespace {

TEST(ChannelTable, GivesDenseNumbersFromZero) {
    ChannelTable table{3};
    EXPECT_EQ(table.claim(), LocalChannelId{0});
    EXPECT_EQ(table.claim(), LocalChannelId{1});
    EXPECT_EQ(table.in_use(), 2U);
}

TEST(ChannelTable, GivesNoMoreThanItsLimit) {
    ChannelTable table{2};
    EXPECT_TRUE(table.claim().has_value());
    EXPECT_TRUE(table.claim().has_value());
    EXPECT_FALSE(table.claim().has_value());
}

TEST(ChannelTable, ReusesAReleasedNumberWithAFreshChannel) {
    ChannelTable table{2};
    const LocalChannelId id = *table.claim();
    table.find(id)->eof_received = true;
    table.find(id)->listed = true;

    table.release(id);
    EXPECT_EQ(table.find(id), nullptr);
    EXPECT_EQ(table.in_use(), 0U);

    EXPECT_EQ(table.claim(), id);
    EXPECT_FALSE(table.find(id)->eof_received);
    EXPECT_FALSE(table.find(id)->listed);
    EXPECT_EQ(table.find(id)->phase, ChannelPhase::waiting);
}

TEST(ChannelTable, FindsNothingForNumbersThatAreNotInUse) {
    ChannelTable table{2};
    EXPECT_EQ(table.find(LocalChannelId{0}), nullptr);
    EXPECT_EQ(table.find(LocalChannelId{0xFFFFFFFF}), nullptr);
}

TEST(ChannelTable, KnowsWhichNumbersWereInUseBefore) {
    ChannelTable table{2};
    const LocalChannelId id = *table.claim();
    EXPECT_FALSE(table.was_released(id));
    EXPECT_FALSE(table.was_released(LocalChannelId{1}));

    table.release(id);
    EXPECT_TRUE(table.was_released(id));
    EXPECT_EQ(table.claim(), id);
    EXPECT_TRUE(table.was_released(id));

    EXPECT_NE(table.claim(), id);
    EXPECT_FALSE(table.was_released(LocalChannelId{1}));
    EXPECT_FALSE(table.was_released(LocalChannelId{0xFFFFFFFF}));
}

TEST(ChannelTable, KeepsAChannelWhereItIsWhenItGrows) {
    ChannelTable table{1'000};
    const LocalChannelId id = *table.claim();
    const Channel* const before = table.find(id);
    for (int i = 0; i < 999; ++i) {
        ASSERT_TRUE(table.claim().has_value());
    }
    EXPECT_EQ(table.find(id), before);
}

}  // namespace
}  // namespace caponier::ssh
