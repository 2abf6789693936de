// The operating system's random numbers reach all of the span and nothing else.

#include "engine/client/random_source.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include <gtest/gtest.h>

namespace caponier::client {
namespace {

/// Of random bytes, so many zeros at the end are as good as impossible.
constexpr std::size_t unlikely_zeros = 32;

bool is_zero(std::span<const std::byte> bytes) {
    return std::all_of(
        bytes.begin(), bytes.end(), [](std::byte byte) { return byte == std::byte{0}; });
}

TEST(OsRandomSource, FillsEvenWhatOneCallOfTheKernelMayNotFill) {
    std::vector<std::byte> bytes(1'000'000);

    os_random_source()(bytes);

    EXPECT_FALSE(is_zero(std::span{bytes}.first(unlikely_zeros)));
    EXPECT_FALSE(is_zero(std::span{bytes}.subspan(bytes.size() / 2, unlikely_zeros)));
    EXPECT_FALSE(is_zero(std::span{bytes}.last(unlikely_zeros)));
}

TEST(OsRandomSource, WritesNothingOutsideOfTheSpan) {
    std::array<std::byte, 3 * unlikely_zeros> bytes{};

    os_random_source()(std::span{bytes}.subspan(unlikely_zeros, unlikely_zeros));

    EXPECT_TRUE(is_zero(std::span{bytes}.first(unlikely_zeros)));
    EXPECT_FALSE(is_zero(std::span{bytes}.subspan(unlikely_zeros, unlikely_zeros)));
    EXPECT_TRUE(is_zero(std::span{bytes}.last(unlikely_zeros)));
}

TEST(OsRandomSource, GivesOtherBytesEachTime) {
    std::array<std::byte, 32> first{};
    std::array<std::byte, 32> second{};

    os_random_source()(first);
    os_random_source()(second);

    EXPECT_NE(first, second);
}

TEST(OsRandomSource, AcceptsAnEmptySpan) {
    os_random_source()({});
}

}  // namespace
}  // namespace caponier::client
