// Secrets are wiped, moved and never copied.

#include "ssh/crypto/secret_bytes.h"

#include <array>
#include <cstdint>
#include <type_traits>
#include <utility>

#include <gtest/gtest.h>

#include "tests/unit/ssh/hex.h"

namespace caponier::ssh {
namespace {

TEST(SecretBytes, CannotBeCopied) {
    EXPECT_FALSE(std::is_copy_constructible_v<SecretBytes>);
    EXPECT_FALSE(std::is_copy_assignable_v<SecretBytes>);
}

TEST(SecretBytes, MovesWithItsBytesAndLeavesNothing) {
    SecretBytes first = SecretBytes::copy_of(from_hex("010203"));

    SecretBytes second{std::move(first)};
    SecretBytes third{8};
    third = std::move(second);

    EXPECT_EQ(copy_of(third.bytes()), from_hex("010203"));
    EXPECT_TRUE(first.empty());
    EXPECT_TRUE(second.empty());
    EXPECT_TRUE(second.bytes().empty());
}

TEST(SecretBytes, WipesWhatItShrinksAwayFrom) {
    SecretBytes secret = SecretBytes::copy_of(from_hex("01020304"));
    const std::span<const std::byte> before = secret.bytes();

    secret.shrink(1);

    EXPECT_EQ(secret.size(), 1U);
    EXPECT_EQ(copy_of(before), from_hex("01000000"));
}

TEST(SecretObject, IsMadeInPlaceAndKeepsItsAddress) {
    struct alignas(64) Schedule {
        std::uint32_t rounds = 10;
        std::array<std::byte, 100> keys{};
    };
    SecretObject<Schedule> schedule;

    EXPECT_EQ(schedule->rounds, 10U);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&*schedule) % alignof(Schedule), 0U);
    schedule->keys[99] = std::byte{1};
    EXPECT_EQ((*schedule).keys[99], std::byte{1});
    EXPECT_FALSE(std::is_copy_constructible_v<SecretObject<Schedule>>);
}

TEST(Wipe, OverwritesEveryByte) {
    std::array<std::byte, 3> bytes{std::byte{1}, std::byte{2}, std::byte{3}};

    wipe(bytes);
    wipe({});

    EXPECT_EQ(copy_of(bytes), from_hex("000000"));
}

TEST(ConstantTimeEqual, ComparesContentAndLength) {
    EXPECT_TRUE(constant_time_equal({}, {}));
    EXPECT_TRUE(constant_time_equal(from_hex("0102"), from_hex("0102")));
    EXPECT_FALSE(constant_time_equal(from_hex("0102"), from_hex("0103")));
    EXPECT_FALSE(constant_time_equal(from_hex("0102"), from_hex("8102")));
    EXPECT_FALSE(constant_time_equal(from_hex("0102"), from_hex("010200")));
}

}  // namespace
}  // namespace caponier::ssh
