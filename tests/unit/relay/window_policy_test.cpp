// How much window a stream deserves.

#include "engine/relay/window_policy.h"

#include <array>

#include <gtest/gtest.h>

#include "engine/relay/limits.h"

namespace caponier::relay {
namespace {

using std::chrono::milliseconds;

class WindowPolicyTest : public testing::Test {
  protected:
    /// Each flow moves its bytes in one interval of 100 ms, which is also the round trip.
    template <std::size_t count>
    void move(const std::array<std::size_t, count>& bytes) {
        for (std::size_t i = 0; i < count; ++i) {
            policy.moved(flows[i], 0, time);
        }
        time += milliseconds{100};
        for (std::size_t i = 0; i < count; ++i) {
            policy.moved(flows[i], bytes[i], time);
        }
    }

    WindowPolicy policy;
    std::array<WindowPolicy::Flow, 8> flows;
    WindowPolicy::TimePoint time{std::chrono::hours{1}};
};

TEST_F(WindowPolicyTest, KnowsNothingWithoutARoundTrip) {
    move<1>({1'000'000});

    EXPECT_EQ(policy.share_bytes(), 0U);
}

TEST_F(WindowPolicyTest, GivesOneStreamTwiceWhatThePathHolds) {
    policy.set_round_trip(milliseconds{100});
    move<1>({1'000'000});

    EXPECT_EQ(policy.share_bytes(), 2'000'000U);
    EXPECT_EQ(policy.own_bytes(flows[0]), 2'000'000U);
}

TEST_F(WindowPolicyTest, SharesAmongThoseThatSendAlike) {
    policy.set_round_trip(milliseconds{100});
    move<4>({1'000'000, 1'000'000, 1'000'000, 1'000'000});

    EXPECT_EQ(policy.share_bytes(), 2'000'000U);
}

TEST_F(WindowPolicyTest, HardlyCountsThoseThatSendLittle) {
    policy.set_round_trip(milliseconds{100});
    move<4>({1'000'000, 1'000, 1'000, 1'000});

    EXPECT_GT(policy.share_bytes(), 1'990'000U);
}

TEST_F(WindowPolicyTest, SharesAnySumOfBytesAlike) {
    policy.set_round_trip(milliseconds{100});
    EXPECT_EQ(policy.share_of(1'000), 1'000U);

    move<1>({1'000'000});
    EXPECT_EQ(policy.share_of(1'000), 1'000U);

    move<4>({1'000'000, 1'000'000, 1'000'000, 1'000'000});
    EXPECT_EQ(policy.share_of(1'000), 250U);
}

TEST_F(WindowPolicyTest, TellsThoseThatSendMuchFromThoseThatHardlyCount) {
    policy.set_round_trip(milliseconds{100});
    EXPECT_FALSE(policy.sends_much(flows[0]));

    move<4>({1'000'000, 800'000, 1'000, 0});

    EXPECT_TRUE(policy.sends_much(flows[0]));
    EXPECT_TRUE(policy.sends_much(flows[1]));
    EXPECT_FALSE(policy.sends_much(flows[2]));
    EXPECT_FALSE(policy.sends_much(flows[3]));
}

TEST_F(WindowPolicyTest, IsQuietUntilOneThatSendsLittleIsHeardTwice) {
    policy.set_round_trip(milliseconds{1});
    EXPECT_TRUE(policy.is_quiet(time));
    move<1>({1'000'000});
    EXPECT_TRUE(policy.is_quiet(time));

    policy.moved(flows[1], 64, time);
    EXPECT_TRUE(policy.is_quiet(time));
    time += quiet_after / 2;
    policy.moved(flows[1], 64, time);

    EXPECT_FALSE(policy.is_quiet(time));
    EXPECT_FALSE(policy.is_quiet(time + quiet_after - milliseconds{1}));
    EXPECT_TRUE(policy.is_quiet(time + quiet_after));
}

TEST_F(WindowPolicyTest, TakesNoRateOverAPause) {
    policy.set_round_trip(milliseconds{1});
    move<2>({1'000'000, 1'000'000});

    time += quiet_after;
    policy.moved(flows[1], 1'000, time);

    EXPECT_TRUE(policy.is_quiet(time));
    EXPECT_EQ(policy.own_bytes(flows[1]), 0U);
    EXPECT_EQ(policy.share_of(1'000), 1'000U);
}

TEST_F(WindowPolicyTest, LetsWhoHasLessThanAShareGrowToIt) {
    policy.set_round_trip(milliseconds{100});
    move<2>({1'000'000, 100'000});

    EXPECT_GT(policy.share_bytes(), 4 * policy.own_bytes(flows[1]));
}

TEST_F(WindowPolicyTest, ForgetsAStreamThatEnded) {
    policy.set_round_trip(milliseconds{100});
    move<2>({1'000'000, 3'000'000});

    policy.ended(flows[1]);

    EXPECT_NEAR(static_cast<double>(policy.share_bytes()), 2'000'000.0, 2.0);
}

TEST_F(WindowPolicyTest, ForgetsAllThatEndedToTheLastBit) {
    policy.set_round_trip(milliseconds{100});
    for (std::size_t times = 0; times < 100; ++times) {
        move<3>({0, 0, 0});
        time += milliseconds{103};
        policy.moved(flows[0], 1'234'567'890 + times * 333'333, time);
        policy.moved(flows[1], 777 + times, time);
        policy.moved(flows[2], 13, time);
        for (WindowPolicy::Flow& flow : flows) {
            policy.ended(flow);
        }
    }

    EXPECT_EQ(policy.share_bytes(), 0U);
    EXPECT_EQ(policy.share_of(1'000), 1'000U);
}

TEST_F(WindowPolicyTest, TakesNoRateOverLessThanARoundTrip) {
    policy.set_round_trip(milliseconds{100});
    move<1>({1'000'000});
    time += milliseconds{99};
    policy.moved(flows[0], 50'000'000, time);

    EXPECT_EQ(policy.share_bytes(), 2'000'000U);
}

}  // namespace
}  // namespace caponier::relay
