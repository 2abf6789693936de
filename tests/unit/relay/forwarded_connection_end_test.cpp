// Every kind of end of a connection: half-close, cut, reset, abort.

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "engine/relay/forwarded_connection.h"
#include "tests/unit/relay/forwarded_connection_ground.h"

namespace caponier::relay {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// ---- half-close ---------------------------------------------------------------------------------

struct End {
    const char* name;
    /// f: the client's FIN; e: the stream's EOF; c: the stream closed; x: the stream was cut.
    /// Where no comma is in between, both are told in the same turn.
    std::string_view sequence;
    bool is_clean;
    Words upstream_told;
};

class EndsOfAConnection : public ForwardedConnectionTest,
                          public testing::WithParamInterface<End> {};

// Item 161: EOF in both directions is followed by CLOSE at once.
TEST_P(EndsOfAConnection, AreCleanOnlyIfBothSidesWereDone) {
    open();
    client->write("up");
    ground.settle();
    bring({"down"});

    for (const char step : GetParam().sequence) {
        if (step == 'f') {
            client->shut_down();
        } else if (step == 'e') {
            connection->eof();
        } else if (step == ',') {
            ground.settle();
        } else if (std::ranges::find(upstream.told, "close") == upstream.told.end()) {
            // Who has closed a stream hears nothing more of it.
            connection->closed(step == 'x', {});
        }
    }
    ground.settle();

    EXPECT_EQ(client->read(), "down");
    EXPECT_EQ(client->saw_end(), GetParam().is_clean);
    EXPECT_EQ(client->saw_reset(), !GetParam().is_clean);
    EXPECT_EQ(upstream.sent, "up");
    EXPECT_EQ(upstream.told, GetParam().upstream_told);
    EXPECT_EQ(observer.told,
              (Words{GetParam().is_clean ? "ended db.internal" : "cut db.internal"}));
    EXPECT_EQ(ends, 1);
}

INSTANTIATE_TEST_SUITE_P(Table,
                         EndsOfAConnection,
                         testing::Values(End{"ClientThenServer", "f,e", true, {"eof", "close"}},
                                         End{"ServerThenClient", "e,f", true, {"eof", "close"}},
                                         End{"BothAndClosed", "f,ec", true, {"eof", "close"}},
                                         End{"BothThenClosedLater", "fe", true, {"eof", "close"}},
                                         End{"CutAtOnce", "x", false, {}},
                                         End{"ClosedWithoutAnyEof", "c", false, {}},
                                         End{"ServerDoneThenClosed", "e,c", false, {}},
                                         End{"ServerDoneAndClosedAtOnce", "ec", false, {}},
                                         End{"ServerDoneThenCut", "e,x", false, {}},
                                         End{"ClientDoneThenClosed", "f,c", false, {"eof"}},
                                         End{"ClientDoneThenCut", "f,x", false, {"eof"}}),
                         [](const testing::TestParamInfo<End>& end) { return end.param.name; });

TEST_F(ForwardedConnectionTest, KeepsSendingUpAfterTheServerWasDone) {
    open();
    bring({"bye"});
    connection->eof();
    ground.settle();
    EXPECT_EQ(client->read(), "bye");
    EXPECT_TRUE(client->saw_end());

    client->write("still talking");
    ground.settle();

    EXPECT_EQ(upstream.sent, "still talking");
    EXPECT_EQ(ends, 0);
}

TEST_F(ForwardedConnectionTest, KeepsDeliveringAfterTheClientWasDone) {
    open();
    client->shut_down();
    ground.settle();

    bring({"the answer"});
    ground.settle();

    EXPECT_EQ(client->read(), "the answer");
    EXPECT_EQ(upstream.granted_bytes, 10U);
    EXPECT_EQ(ends, 0);
}

TEST_F(StoppedReader, SeesTheEndOnlyBehindTheLastByte) {
    const std::string text = pattern(500);
    bring({text});
    connection->eof();
    ground.settle();

    std::string read;
    for (int times = 0; times < 50 && !client->saw_end(); ++times) {
        read += client->read(30);
        ground.settle();
    }

    EXPECT_EQ(read, text);
    EXPECT_TRUE(client->saw_end());
}

// ---- delivery before a reset --------------------------------------------------------------------

TEST_F(StoppedReader, IsResetOnlyAfterItGotWhatHadArrived) {
    const std::string text = pattern(500);
    bring({text});
    connection->closed(true, {});
    ground.settle();

    std::string read;
    for (int times = 0; times < 50 && read.size() < text.size(); ++times) {
        // The client's own kernel holds the last hundred.
        EXPECT_EQ(client->saw_reset(), read.size() + 100 >= text.size());
        read += client->read(30);
        ground.pass(delivery_poll_longest);
    }
    ground.pass(2 * delivery_poll_longest);

    EXPECT_EQ(read, text);
    EXPECT_TRUE(client->saw_reset());
    EXPECT_EQ(ends, 1);
}

TEST_F(StoppedReader, IsResetWhenACutConnectionMakesNoProgress) {
    bring({pattern(500)});
    connection->closed(true, {});

    ground.pass(delivery_patience - milliseconds{1});
    EXPECT_FALSE(client->saw_reset());
    ground.pass(2 * delivery_poll_longest);

    EXPECT_TRUE(client->saw_reset());
    EXPECT_EQ(ends, 1);
}

TEST_F(StoppedReader, HasPatienceAnewWithEveryProgress) {
    bring({pattern(500)});
    connection->closed(true, {});

    for (int times = 0; times < 5; ++times) {
        ground.pass(delivery_patience - seconds{1});
        EXPECT_EQ(client->read(20).size(), 20U);
    }

    EXPECT_EQ(ends, 0);
    EXPECT_FALSE(client->saw_reset());
}

// Both sides are done and nothing was lost: a reader that takes its time is no reason to break
// that.
TEST_F(StoppedReader, GetsACleanEndHoweverLongItPauses) {
    const std::string text = pattern(500);
    client->shut_down();
    ground.settle();
    bring({text});
    connection->eof();
    connection->closed(false, {});

    ground.pass(6 * delivery_patience);
    std::string read;
    for (int times = 0; times < 50 && !client->saw_end() && !client->saw_reset(); ++times) {
        read += client->read(30);
        ground.settle();
    }

    EXPECT_EQ(read, text);
    EXPECT_TRUE(client->saw_end());
}

/// With the promise of 1,000 bytes for its stream.
class StoppedReaderWithAShare : public StoppedReader {
  protected:
    MemoryShare take_share() {
        EXPECT_TRUE(budget.take_more(1000));
        return {&budget, 1000};
    }

    MemoryBudget budget{2000};
};

TEST_F(StoppedReaderWithAShare, KeepsOfItWhatIsNotDelivered) {
    client->shut_down();
    ground.settle();
    bring({pattern(500)});
    ground.settle();
    connection->eof();
    connection->closed(false, take_share());
    EXPECT_EQ(budget.promised(), 300U);

    ground.pass(6 * delivery_patience);
    EXPECT_EQ(budget.promised(), 300U);
    client->read(60);
    ground.settle();
    EXPECT_EQ(budget.promised(), 240U);
    while (!client->read(30).empty()) {
        ground.settle();
    }

    EXPECT_EQ(budget.promised(), 0U);
}

TEST_F(StoppedReaderWithAShare, KeepsAllOfItUntilItIsKnownWhatTheKernelTakes) {
    const std::span<std::byte> bytes = begin(rounds[0], pattern(500));
    connection->data(bytes, &rounds[0]);

    connection->closed(true, take_share());
    EXPECT_EQ(budget.promised(), 1000U);
    end(rounds[0]);
    EXPECT_EQ(budget.promised(), 1000U);
    ground.settle();

    EXPECT_EQ(budget.promised(), 300U);
}

TEST_F(StoppedReaderWithAShare, GivesItBackWhenTheReaderLeaves) {
    bring({pattern(500)});
    ground.settle();
    connection->closed(true, take_share());

    client->reset();
    ground.settle();

    EXPECT_EQ(ends, 1);
    EXPECT_EQ(budget.promised(), 0U);
}

TEST_F(StoppedReaderWithAShare, GivesItBackAtOnceWhereNothingIsLeft) {
    bring({"hello"});
    ground.settle();

    connection->closed(false, take_share());

    EXPECT_EQ(budget.promised(), 0U);
}

TEST_F(ForwardedConnectionTest, DropsWhatTheClientStillSaidWhenTheStreamIsCut) {
    upstream.room_bytes = 1;
    open();
    client->write("abc");
    ground.settle();

    connection->closed(true, {});
    connection->writable();
    ground.settle();

    EXPECT_EQ(upstream.sent, "a");
    EXPECT_TRUE(client->saw_reset());
    EXPECT_EQ(ground.simulated.leases_out(), 0U);
}

TEST_F(ForwardedConnectionTest, DeliversTheDataOfTheRoundInWhichTheStreamWasCut) {
    open();
    const std::span<std::byte> bytes = begin(rounds[0], "last words");

    connection->data(bytes, &rounds[0]);
    connection->closed(true, {});
    end(rounds[0]);
    ground.settle();

    EXPECT_EQ(client->read(), "last words");
    EXPECT_TRUE(client->saw_reset());
}

// ---- the client goes ----------------------------------------------------------------------------

TEST_F(ForwardedConnectionTest, GivesTheStreamUpWithoutEofWhenTheClientResets) {
    open();

    client->reset();
    ground.settle();

    EXPECT_EQ(upstream.told, (Words{"close"}));
    EXPECT_EQ(observer.told, (Words{"cut db.internal"}));
    EXPECT_EQ(ends, 1);
}

TEST_F(ForwardedConnectionTest, SeesAResetWhileTheStreamAllowsNothing) {
    upstream.allowed_bytes = 0;
    open();

    client->reset();
    ground.settle();

    EXPECT_EQ(upstream.told, (Words{"close"}));
}

TEST_F(StoppedReader, ThatResetsFreesWhatWasKeptForIt) {
    bring({pattern(1000)});
    ground.settle();

    client->reset();
    ground.settle();

    EXPECT_EQ(upstream.told, (Words{"close"}));
    EXPECT_EQ(upstream.granted_bytes, 200U);
    EXPECT_EQ(ends, 1);
}

TEST_F(StoppedReader, ThatResetsDuringDeliveryEndsIt) {
    bring({pattern(1000)});
    connection->closed(true, {});
    ground.settle();

    client->reset();
    ground.settle();

    EXPECT_EQ(ends, 1);
    EXPECT_EQ(observer.told, (Words{"cut db.internal"}));
}

// ---- abort --------------------------------------------------------------------------------------

TEST_F(ForwardedConnectionTest, CanBeAbortedBeforeTheStreamIsOpen) {
    connection->start(&upstream);

    connection->abort();
    ground.settle();

    EXPECT_EQ(upstream.told.back(), "close");
    EXPECT_TRUE(client->saw_reset());
    EXPECT_EQ(ends, 1);
}

TEST_F(ForwardedConnectionTest, TellsTheObserverOfAnOpenTunnelThatIsAborted) {
    open();

    connection->abort();
    ground.settle();

    EXPECT_EQ(upstream.told, (Words{"close"}));
    EXPECT_TRUE(client->saw_reset());
    EXPECT_EQ(observer.told, (Words{"cut db.internal"}));
}

TEST_F(ForwardedConnectionTest, CanBeAbortedWithASendInFlight) {
    open();
    bring({"never seen"});

    connection->abort();
    ground.settle();

    EXPECT_EQ(ends, 1);
    EXPECT_TRUE(rounds[0].is_free());
}

TEST_F(StoppedReader, CanBeAbortedDuringDelivery) {
    bring({pattern(500)});
    connection->closed(true, {});
    ground.settle();

    connection->abort();
    connection->abort();
    ground.settle();

    EXPECT_TRUE(client->saw_reset());
    EXPECT_EQ(ends, 1);
}

}  // namespace
}  // namespace caponier::relay
