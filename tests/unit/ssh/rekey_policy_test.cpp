// When new keys are due.

#include "ssh/transport/rekey_policy.h"

#include <gtest/gtest.h>

namespace caponier::ssh {
namespace {

constexpr TimePoint start{std::chrono::hours{1}};
constexpr std::uint64_t gibibyte = std::uint64_t{1} << 30;

bool due(const RekeyPolicy& policy, const KeyUse& out, const KeyUse& in, TimePoint now = start) {
    return policy.is_due(out, in, now);
}

// Item 55.
TEST(RekeyPolicy, FollowsTheCiphersOwnLimitInEitherDirection) {
    RekeyPolicy policy{{}};
    policy.keys_changed(start, gibibyte);

    EXPECT_FALSE(
        due(policy, {.packets = 0, .bytes = gibibyte - 1}, {.packets = 0, .bytes = gibibyte - 1}));
    EXPECT_TRUE(due(policy, {.packets = 0, .bytes = gibibyte}, {}));
    EXPECT_TRUE(due(policy, {}, {.packets = 0, .bytes = gibibyte}));
}

TEST(RekeyPolicy, NeverAllowsMoreThanTheCipherDoes) {
    RekeyPolicy policy{{.bytes = 100 * gibibyte, .interval = {}}};
    policy.keys_changed(start, gibibyte);

    EXPECT_TRUE(due(policy, {.packets = 0, .bytes = gibibyte}, {}));
}

TEST(RekeyPolicy, FollowsASmallerLimitOfTheUser) {
    RekeyPolicy policy{{.bytes = 16, .interval = {}}};
    policy.keys_changed(start, gibibyte);

    EXPECT_FALSE(due(policy, {.packets = 0, .bytes = 15}, {}));
    EXPECT_TRUE(due(policy, {.packets = 0, .bytes = 16}, {}));
}

// Item 21, RFC 4344 3.1: 2^31 packets, whatever the limit in bytes.
TEST(RekeyPolicy, ComesAfterTwoToTheThirtyOnePackets) {
    RekeyPolicy policy{{}};
    policy.keys_changed(start, UINT64_MAX);

    constexpr std::uint64_t most = std::uint64_t{1} << 31;
    EXPECT_FALSE(due(policy, {.packets = most - 1, .bytes = 0}, {}));
    EXPECT_TRUE(due(policy, {}, {.packets = most, .bytes = 0}));
}

TEST(RekeyPolicy, ComesByTimeWhereTheUserWantsIt) {
    RekeyPolicy policy{{.bytes = 0, .interval = std::chrono::hours{1}}};
    policy.keys_changed(start, gibibyte);

    EXPECT_EQ(policy.due_time(), start + std::chrono::hours{1});
    EXPECT_FALSE(due(policy, {}, {}, start + std::chrono::minutes{59}));
    EXPECT_TRUE(due(policy, {}, {}, start + std::chrono::hours{1}));
}

}  // namespace
}  // namespace caponier::ssh
