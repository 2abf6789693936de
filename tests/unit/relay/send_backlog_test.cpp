// What a slow local socket still has to take.

#include "engine/relay/send_backlog.h"

#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

#include "engine/relay/limits.h"
#include "tests/sim/random.h"
#include "tests/unit/relay/ground.h"

namespace caponier::relay {
namespace {

std::string text_of_pieces(std::span<const io::Piece> pieces) {
    std::string text;
    for (const io::Piece& piece : pieces) {
        text += text_of(io::bytes_of(piece));
    }
    return text;
}

TEST(SendBacklog, IsEmptyUntilSomethingIsAppended) {
    SendBacklog backlog;

    backlog.append(std::span<const std::byte>{});

    EXPECT_TRUE(backlog.empty());
    EXPECT_TRUE(backlog.lend().empty());
}

TEST(SendBacklog, LendsSmallPiecesInOrderAsOne) {
    SendBacklog backlog;
    backlog.append(bytes_of("one "));
    backlog.append(bytes_of("two "));
    backlog.append(bytes_of("three"));

    const std::span<const io::Piece> lent = backlog.lend();

    EXPECT_EQ(lent.size(), 1U);
    EXPECT_EQ(text_of_pieces(lent), "one two three");
    EXPECT_EQ(backlog.bytes(), 13U);
}

TEST(SendBacklog, LeavesWhatIsLentWhereItIsWhileMoreIsAppended) {
    SendBacklog backlog;
    backlog.append(bytes_of("in flight"));
    const std::span<const io::Piece> lent = backlog.lend();
    const void* const first_byte = lent.front().iov_base;

    for (int times = 0; times < 100; ++times) {
        backlog.append(bytes_of(pattern(1000)));
    }

    EXPECT_EQ(lent.front().iov_base, first_byte);
    EXPECT_EQ(text_of_pieces(lent), "in flight");
}

TEST(SendBacklog, KeepsTheRestOfAChunkThatWasTakenInPart) {
    SendBacklog backlog;
    backlog.append(bytes_of("abcdef"));
    static_cast<void>(backlog.lend());
    backlog.append(bytes_of("ghi"));

    backlog.consume(4);

    EXPECT_EQ(backlog.bytes(), 5U);
    EXPECT_EQ(text_of_pieces(backlog.lend()), "efghi");
}

TEST(SendBacklog, KeepsEverythingWhenASendTookNothing) {
    SendBacklog backlog;
    backlog.append(bytes_of("abc"));
    static_cast<void>(backlog.lend());

    backlog.consume(0);

    EXPECT_EQ(text_of_pieces(backlog.lend()), "abc");
}

TEST(SendBacklog, IsEmptyAgainWhenAllWasTaken) {
    SendBacklog backlog;
    backlog.append(bytes_of("abc"));
    static_cast<void>(backlog.lend());

    backlog.consume(3);

    EXPECT_TRUE(backlog.empty());
    EXPECT_TRUE(backlog.lend().empty());
}

TEST(SendBacklog, LendsNoMorePiecesThanOneSendTakes) {
    SendBacklog backlog;
    const std::string chunk = pattern(16 * 1024);
    for (std::size_t chunks = 0; chunks < delivery_pieces_max; ++chunks) {
        backlog.append(bytes_of(chunk));
    }
    backlog.append(bytes_of("the last"));

    const std::span<const io::Piece> lent = backlog.lend();

    EXPECT_EQ(lent.size(), delivery_pieces_max);
    backlog.consume(delivery_pieces_max * chunk.size());
    EXPECT_EQ(text_of_pieces(backlog.lend()), "the last");
}

TEST(SendBacklog, PutsAnotherBacklogBehind) {
    SendBacklog backlog;
    backlog.append(bytes_of("front "));
    SendBacklog behind;
    behind.append(bytes_of("behind"));

    backlog.append(std::move(behind));

    EXPECT_EQ(backlog.bytes(), 12U);
    EXPECT_EQ(text_of_pieces(backlog.lend()), "front behind");
}

TEST(SendBacklog, ForgetsEverythingWhenCleared) {
    SendBacklog backlog;
    backlog.append(bytes_of("abc"));
    static_cast<void>(backlog.lend());

    backlog.clear();
    backlog.append(bytes_of("new"));

    EXPECT_EQ(text_of_pieces(backlog.lend()), "new");
}

/// SEND_BACKLOG_SEED replays a run.
TEST(SendBacklog, KeepsTheOrderInAnySequenceOfAppendsAndShortSends) {
    const char* const given = std::getenv("SEND_BACKLOG_SEED");
    const std::uint64_t seed = given == nullptr ? 1 : std::strtoull(given, nullptr, 10);
    SCOPED_TRACE("SEND_BACKLOG_SEED=" + std::to_string(seed));
    sim::Random random{seed};
    SendBacklog backlog;
    std::string expected;
    bool is_lent = false;

    for (int step = 0; step < 2'000; ++step) {
        if (is_lent && random.chance(5'000)) {
            const std::size_t most = std::min<std::size_t>(expected.size(), 40'000);
            const std::size_t taken = random.below(most + 1);
            backlog.consume(taken);
            expected.erase(0, taken);
            is_lent = false;
        } else if (!is_lent && !backlog.empty() && random.chance(5'000)) {
            ASSERT_EQ(text_of_pieces(backlog.lend()), expected);
            is_lent = true;
        } else {
            const std::string more = pattern(random.below(random.chance(1'000) ? 30'000 : 300),
                                             static_cast<unsigned>(step));
            backlog.append(bytes_of(more));
            expected += more;
        }
        ASSERT_EQ(backlog.bytes(), expected.size());
    }
}

}  // namespace
}  // namespace caponier::relay
