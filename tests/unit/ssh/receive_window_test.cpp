// What we let the peer send, and the invariant of item 143.

#include "ssh/connection/receive_window.h"

#include <tuple>

#include <gtest/gtest.h>

#include "tests/sim/random.h"

namespace caponier::ssh {
namespace {

TEST(ReceiveWindow, MovesBytesFromOpenToOwedToCreditAndBack) {
    ReceiveWindow window{100};

    ASSERT_TRUE(window.receive(60).has_value());
    EXPECT_EQ(window.open(), 40U);
    EXPECT_EQ(window.owed(), 60U);
    window.grant(60);
    EXPECT_EQ(window.owed(), 0U);
    EXPECT_EQ(window.credit(), 60U);

    EXPECT_EQ(window.take_adjust(), 60U);
    EXPECT_EQ(window.open(), 100U);
}

TEST(ReceiveWindow, RefusesWhatWasNotGranted) {
    ReceiveWindow window{100};
    ASSERT_TRUE(window.receive(100).has_value());
    window.grant(100);  // Not told to the peer yet.

    EXPECT_EQ(window.receive(1).error(), (Error{ErrorCode::window_exceeded, 1}));
    EXPECT_EQ(window.open(), 0U);
}

TEST(ReceiveWindow, AsksForAnAdjustAtHalfTheWindow) {
    ReceiveWindow window{100};
    ASSERT_TRUE(window.receive(100).has_value());
    window.grant(49);
    EXPECT_FALSE(window.adjust_is_due());
    window.grant(1);
    EXPECT_TRUE(window.adjust_is_due());
}

TEST(ReceiveWindow, KeepsBackNoMoreThanAMegabyteOfALargeOne) {
    ReceiveWindow window{16 * 1024 * 1024};
    ASSERT_TRUE(window.receive(1024 * 1024).has_value());
    window.grant(1024 * 1024 - 1);
    EXPECT_FALSE(window.adjust_is_due());
    window.grant(1);
    EXPECT_TRUE(window.adjust_is_due());
}

TEST(ReceiveWindow, ShrinksByWhatIsWithheld) {
    ReceiveWindow window{100};
    ASSERT_TRUE(window.receive(60).has_value());

    window.withhold(60);

    EXPECT_EQ(window.size(), 40U);
    EXPECT_EQ(window.open(), 40U);
    EXPECT_EQ(window.credit(), 0U);
}

TEST(ReceiveWindow, OfOneByteIsGivenBackByteByByte) {
    ReceiveWindow window{1};
    ASSERT_TRUE(window.receive(1).has_value());
    EXPECT_FALSE(window.adjust_is_due());
    window.grant(1);
    EXPECT_TRUE(window.adjust_is_due());
}

TEST(ReceiveWindow, GrowsToTheLargestWindowAndNoFurther) {
    ReceiveWindow window{UINT32_MAX - 10};
    window.widen(100);
    EXPECT_EQ(window.size(), UINT32_MAX);
    EXPECT_EQ(window.take_adjust(), 10U);
    EXPECT_EQ(window.open(), UINT32_MAX);
}

// Item 143, over random use.
TEST(ReceiveWindow, NeverLosesAByteOfItself) {
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        sim::Random chance{seed};
        ReceiveWindow window{static_cast<std::uint32_t>(chance.below(3'000))};
        for (int step = 0; step < 200; ++step) {
            switch (chance.below(5)) {
            case 0:
                std::ignore = window.receive(static_cast<std::uint32_t>(chance.below(2'000)));
                break;
            case 1:
                window.grant(
                    static_cast<std::uint32_t>(chance.below(std::uint64_t{window.owed()} + 1)));
                break;
            case 2:
                window.widen(static_cast<std::uint32_t>(chance.below(50)));
                break;
            case 3:
                window.withhold(
                    static_cast<std::uint32_t>(chance.below(std::uint64_t{window.owed()} + 1)));
                break;
            default:
                if (window.adjust_is_due()) {
                    std::ignore = window.take_adjust();
                }
            }
            ASSERT_EQ(std::uint64_t{window.open()} + window.owed() + window.credit(), window.size())
                << "seed " << seed;
            // A peer that has used its window up and whose bytes were all taken is never left.
            ASSERT_FALSE(window.open() == 0 && window.owed() == 0 && window.size() > 0 &&
                         !window.adjust_is_due())
                << "seed " << seed;
        }
    }
}

}  // namespace
}  // namespace caponier::ssh
