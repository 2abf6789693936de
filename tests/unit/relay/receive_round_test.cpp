// One receive buffer while it is served.

#include "engine/relay/receive_round.h"

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "engine/relay/limits.h"
#include "tests/unit/relay/fakes.h"
#include "tests/unit/relay/ground.h"

namespace caponier::relay {
namespace {

using Link = ReceiveRound::Link;

std::string text_of_pieces(std::span<const io::Piece> pieces) {
    std::string text;
    for (const io::Piece& piece : pieces) {
        text += text_of(io::bytes_of(piece));
    }
    return text;
}

struct NoPoolObserver final : sim::PoolObserver {
    void pool_changed(sim::SimPool&) noexcept override {}
    void pool_gone(sim::SimPool&) noexcept override {}
};

class ReceiveRoundTest : public testing::Test {
  protected:
    void begin(std::string_view text) {
        io::Lease lease = pool.lease(bytes_of(text));
        bytes = lease.bytes();
        round.begin(std::move(lease), bytes);
    }

    NoPoolObserver pool_observer;
    sim::SimPool pool{{.buffers = 2, .buffer_bytes = 64, .headroom_bytes = 0}, pool_observer};
    ReceiveRound round;
    std::span<std::byte> bytes;
};

TEST_F(ReceiveRoundTest, GivesTheBufferBackWithTheLastRelease) {
    EXPECT_TRUE(round.is_free());
    begin("abc");
    round.retain();

    round.release();

    EXPECT_FALSE(round.is_free());
    EXPECT_EQ(pool.leases_out(), 1U);
    round.release();
    EXPECT_TRUE(round.is_free());
    EXPECT_EQ(pool.leases_out(), 0U);
}

TEST_F(ReceiveRoundTest, HoldsOnlyWhatLiesInItsBuffer) {
    begin("abcdef");
    const std::string elsewhere = "abc";

    EXPECT_TRUE(round.holds(bytes));
    EXPECT_TRUE(round.holds(bytes.subspan(2, 2)));
    EXPECT_FALSE(round.holds(bytes_of(elsewhere)));
    EXPECT_FALSE(round.holds({bytes.data() + 4, 3}));
    round.release();
}

TEST_F(ReceiveRoundTest, GathersInterleavedStreamsEachInItsOwnOrder) {
    begin("a1b1a2b2a3");
    Link last_a = round.add(bytes.subspan(0, 2), Link::none);
    const Link first_a = last_a;
    Link last_b = round.add(bytes.subspan(2, 2), Link::none);
    const Link first_b = last_b;
    last_a = round.add(bytes.subspan(4, 2), last_a);
    last_b = round.add(bytes.subspan(6, 2), last_b);
    last_a = round.add(bytes.subspan(8, 2), last_a);

    const ReceiveRound::Gathered a = round.gather(first_a);
    const ReceiveRound::Gathered b = round.gather(first_b);

    EXPECT_EQ(text_of_pieces(a.pieces), "a1a2a3");
    EXPECT_EQ(text_of_pieces(b.pieces), "b1b2");
    EXPECT_EQ(a.rest, Link::none);
    round.release();
}

TEST_F(ReceiveRoundTest, GathersNoMoreThanOneSendTakesAndNamesTheRest) {
    begin("xyz");
    const Link first = round.add(bytes.first(1), Link::none);
    Link last = first;
    for (std::size_t pieces = 1; pieces < delivery_pieces_max; ++pieces) {
        last = round.add(bytes.first(1), last);
    }
    last = round.add(bytes.subspan(1, 1), last);
    static_cast<void>(round.add(bytes.subspan(2, 1), last));

    const ReceiveRound::Gathered gathered = round.gather(first);

    EXPECT_EQ(gathered.pieces.size(), delivery_pieces_max);
    const ReceiveRound::Step one = round.step(gathered.rest);
    EXPECT_EQ(text_of(one.bytes), "y");
    const ReceiveRound::Step two = round.step(one.next);
    EXPECT_EQ(text_of(two.bytes), "z");
    EXPECT_EQ(two.next, Link::none);
    round.release();
}

TEST_F(ReceiveRoundTest, LeavesEarlierGathersWhereTheyAre) {
    begin("first");
    const std::span<const io::Piece> first = round.gather(round.add(bytes, Link::none)).pieces;
    const io::Piece* const place = first.data();

    for (int more = 0; more < 100; ++more) {
        static_cast<void>(round.gather(round.add(bytes.first(1), Link::none)));
    }

    EXPECT_EQ(first.data(), place);
    EXPECT_EQ(text_of_pieces(first), "first");
    round.release();
}

TEST_F(ReceiveRoundTest, BeginsAgainWithoutWhatItServedBefore) {
    FakeStreamUser user;
    begin("old");
    static_cast<void>(round.gather(round.add(bytes, Link::none)));
    round.touched().push_back(&user);
    round.release();

    begin("new");

    EXPECT_TRUE(round.touched().empty());
    EXPECT_EQ(text_of_pieces(round.gather(round.add(bytes, Link::none)).pieces), "new");
    round.release();
}

}  // namespace
}  // namespace caponier::relay
