// The chain of segments.

#include "ssh/transport/outbox.h"

#include <algorithm>
#include <array>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

namespace caponier::ssh {
namespace {

void append(Outbox& outbox, std::size_t size, int value) {
    const std::span<std::byte> room = outbox.reserve(size);
    ASSERT_EQ(room.size(), size);
    std::ranges::fill(room, static_cast<std::byte>(value));
    outbox.commit(size);
}

std::vector<std::byte> contents(const Outbox& outbox) {
    std::array<std::span<const std::byte>, 16> pieces;
    std::vector<std::byte> bytes;
    for (std::size_t i = 0, count = outbox.pieces(pieces); i < count; ++i) {
        bytes.insert(bytes.end(), pieces[i].begin(), pieces[i].end());
    }
    return bytes;
}

TEST(Outbox, YieldsTheBytesInOrder) {
    Outbox outbox;
    append(outbox, 3, 1);
    append(outbox, 2, 2);

    EXPECT_EQ(contents(outbox),
              (std::vector{std::byte{1}, std::byte{1}, std::byte{1}, std::byte{2}, std::byte{2}}));
    EXPECT_EQ(outbox.bytes(), 5U);
}

TEST(Outbox, CountsOnlyWhatIsCommitted) {
    Outbox outbox;
    std::ignore = outbox.reserve(100);
    EXPECT_EQ(outbox.bytes(), 0U);
    std::ignore = outbox.reserve(10);
    outbox.commit(4);

    EXPECT_EQ(outbox.bytes(), 4U);
}

TEST(Outbox, GoesOnInTheMiddleAfterAShortWrite) {
    Outbox outbox;
    append(outbox, 4, 1);
    append(outbox, 4, 2);

    outbox.consume(5);

    EXPECT_EQ(contents(outbox), std::vector<std::byte>(3, std::byte{2}));
}

TEST(Outbox, KeepsAPacketInOneSegment) {
    Outbox outbox;
    append(outbox, Outbox::segment_bytes - 10, 1);
    append(outbox, 20, 2);

    std::array<std::span<const std::byte>, 4> pieces;
    ASSERT_EQ(outbox.pieces(pieces), 2U);
    EXPECT_EQ(pieces[0].size(), Outbox::segment_bytes - 10);
    EXPECT_EQ(pieces[1].size(), 20U);
}

TEST(Outbox, BytesInFlightDoNotMove) {
    Outbox outbox;
    append(outbox, 100, 1);
    std::array<std::span<const std::byte>, 4> before;
    ASSERT_EQ(outbox.pieces(before), 1U);

    for (int i = 0; i < 10; ++i) {
        append(outbox, Outbox::segment_bytes / 2, 2);
    }
    outbox.consume(50);

    std::array<std::span<const std::byte>, 16> after;
    ASSERT_GT(outbox.pieces(after), 4U);
    EXPECT_EQ(after[0].data(), before[0].data() + 50);
    EXPECT_EQ(std::ranges::count(before[0], std::byte{1}), 100);
}

TEST(Outbox, FillsNoMorePiecesThanItIsGiven) {
    Outbox outbox;
    for (int i = 0; i < 5; ++i) {
        append(outbox, Outbox::segment_bytes, i);
    }
    std::array<std::span<const std::byte>, 2> pieces;

    EXPECT_EQ(outbox.pieces(pieces), 2U);
}

TEST(Outbox, IsEmptyAndUsableAfterAllOfItWasSent) {
    Outbox outbox;
    for (int round = 0; round < 10; ++round) {
        append(outbox, Outbox::segment_bytes, 1);
        append(outbox, 5, 2);
        outbox.consume(Outbox::segment_bytes + 5);
        EXPECT_EQ(outbox.bytes(), 0U);
        EXPECT_TRUE(contents(outbox).empty());
    }
}

}  // namespace
}  // namespace caponier::ssh
