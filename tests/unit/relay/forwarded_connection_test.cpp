// One forwarded connection between a local client that makes plain system calls and an upstream
// that records: both directions, every kind of end, and who has to wait for whom.

#include "engine/relay/forwarded_connection.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/relay/counters.h"
#include "tests/unit/relay/fakes.h"
#include "tests/unit/relay/ground.h"

namespace caponier::relay {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class ForwardedConnectionTest : public testing::Test, protected ForwardedConnection::Owner {
  protected:
    explicit ForwardedConnectionTest(const sim::NetworkShape& shape = {}) : ground(shape) {
        small_pool = *ground.loop.make_pool(
            {.buffers = 4, .buffer_bytes = small_local_buffer_bytes, .headroom_bytes = 0});
        large_pool = *ground.loop.make_pool(
            {.buffers = 4, .buffer_bytes = local_buffer_bytes, .headroom_bytes = 0});
        session_pool = *ground.loop.make_pool(
            {.buffers = 4, .buffer_bytes = session_buffer_bytes, .headroom_bytes = 0});
        const io::Address address = address_of("127.0.0.1", 8080);
        const int listener = *ground.network.listen(address);
        client = std::make_unique<Peer>(ground.network, *ground.network.connect(address));
        const ForwardedConnection::Surroundings around{
            ground.loop, *small_pool, *large_pool, *this, observer, counters};
        connection = std::make_unique<ForwardedConnection>(
            around, io::Socket{*ground.network.take_waiting(listener)}, target);
    }
    ~ForwardedConnectionTest() override {
        connection->abort();
        ground.pass(seconds{1});
        EXPECT_EQ(ends, 1);
        connection.reset();
        if (came_back) {
            ground.network.close(came_back.release());
        }
        EXPECT_EQ(counters.connections_open.read(), 0U);
        EXPECT_EQ(ground.simulated.leases_out(), 0U);
        EXPECT_EQ(ground.simulated.in_flight(), 0U);
    }

    void connection_ended(ForwardedConnection&) noexcept override { ++ends; }
    void returned(ForwardedConnection&,
                  io::Socket&& socket,
                  const Refusal& refusal) noexcept override {
        came_back = std::move(socket);
        returns.push_back(std::string{refusal.reason} +
                          (refusal.shortage == Shortage::channels ? ", shortage" : ""));
    }

    void open() {
        connection->start(&upstream);
        connection->opened();
        ground.settle();
        upstream.told.clear();
        observer.told.clear();
    }
    /// As the session worker does with one receive buffer. Without a free round: to be copied.
    void bring(const Words& pieces) {
        std::string all;
        for (const std::string& piece : pieces) {
            all += piece;
        }
        ReceiveRound* round = free_round();
        if (round == nullptr) {
            for (std::string piece : pieces) {
                connection->data(std::as_writable_bytes(std::span{piece}), nullptr);
            }
            return;
        }
        std::span<std::byte> rest = begin(*round, all);
        for (const std::string& piece : pieces) {
            connection->data(rest.first(piece.size()), round);
            rest = rest.subspan(piece.size());
        }
        end(*round);
    }
    std::span<std::byte> begin(ReceiveRound& round, const std::string& text) {
        io::Lease lease = static_cast<sim::SimPool&>(*session_pool).lease(bytes_of(text));
        const std::span<std::byte> bytes = lease.bytes();
        round.begin(std::move(lease), bytes);
        return bytes;
    }
    static void end(ReceiveRound& round) {
        for (StreamUser* user : round.touched()) {
            user->deliver();
        }
        round.release();
    }
    ReceiveRound* free_round() {
        for (ReceiveRound& round : rounds) {
            if (round.is_free()) {
                return &round;
            }
        }
        return nullptr;
    }

    Ground ground;
    const Target target{"db.internal", 5432};
    FakeUpstream upstream;
    RecordingObserver observer;
    Counters counters;
    std::unique_ptr<io::BufferPool> small_pool;
    std::unique_ptr<io::BufferPool> large_pool;
    std::unique_ptr<io::BufferPool> session_pool;
    std::array<ReceiveRound, 2> rounds;
    std::unique_ptr<Peer> client;
    std::unique_ptr<ForwardedConnection> connection;
    int ends = 0;
    io::Socket came_back;
    Words returns;
};

/// The two kernels hold 200 bytes between them, as if the client read nothing for long.
class StoppedReader : public ForwardedConnectionTest {
  protected:
    StoppedReader()
        : ForwardedConnectionTest({.send_queue_bytes = 100, .receive_queue_bytes = 100}) {
        open();
    }
};

// ---- start
// ---------------------------------------------------------------------------------------

TEST_F(ForwardedConnectionTest, ResetsTheClientWhenThereIsNoSession) {
    connection->start(nullptr);
    ground.settle();

    EXPECT_TRUE(client->saw_reset());
    EXPECT_EQ(observer.told, (Words{"refused db.internal: no session"}));
    EXPECT_EQ(ends, 1);
}

TEST_F(ForwardedConnectionTest, ResetsTheClientWhenTheUpstreamOpensNoMore) {
    upstream.refusal = "too many channels";

    connection->start(&upstream);
    ground.settle();

    EXPECT_TRUE(client->saw_reset());
    EXPECT_EQ(observer.told, (Words{"refused db.internal: too many channels"}));
}

// Item 125.
TEST_F(ForwardedConnectionTest, ResetsTheClientAtOnceWhenTheTargetRefuses) {
    connection->start(&upstream);
    client->write("too early");
    ground.settle();

    connection->refused({"Connection refused"});
    ground.settle();

    EXPECT_TRUE(client->saw_reset());
    EXPECT_EQ(observer.told, (Words{"refused db.internal: Connection refused"}));
    EXPECT_EQ(upstream.told, (Words{"open db.internal:5432 from 127.0.0.1"}));
}

TEST_F(ForwardedConnectionTest, ReadsNothingBeforeTheStreamIsOpen) {
    connection->start(&upstream);
    client->write("early");
    ground.settle();
    EXPECT_EQ(ground.loop.receives, 0U);

    connection->opened();
    ground.settle();

    EXPECT_EQ(upstream.sent, "early");
    EXPECT_EQ(observer.told, (Words{"opened db.internal"}));
}

TEST_F(ForwardedConnectionTest, GivesTheSocketBackWhenTheSessionEndsBeforeTheStreamIsOpen) {
    connection->start(&upstream);
    client->write("early");

    connection->closed(true);
    ground.settle();

    EXPECT_EQ(returns, (Words{"the session ended"}));
    EXPECT_EQ(ends, 1);
    EXPECT_FALSE(client->saw_reset());
    EXPECT_EQ(ground.network.readable_bytes(came_back.fd()), 5U);
    EXPECT_TRUE(observer.told.empty());
    EXPECT_EQ(counters.connections_total.read(), 0U);
}

TEST_F(ForwardedConnectionTest, GivesTheSocketBackWhenTheServerIsShortOfSomething) {
    connection->start(&upstream);

    connection->refused({.reason = "resource shortage", .shortage = Shortage::channels});
    ground.settle();

    EXPECT_EQ(returns, (Words{"resource shortage, shortage"}));
    EXPECT_FALSE(client->saw_reset());
}

TEST_F(ForwardedConnectionTest, GivesTheSocketBackWhenTheSessionHasNoChannelLeft) {
    upstream.refusal = "too many channels";
    upstream.shortage = Shortage::channels;

    connection->start(&upstream);
    ground.settle();

    EXPECT_EQ(returns, (Words{"too many channels, shortage"}));
    EXPECT_FALSE(client->saw_reset());
}

TEST_F(ForwardedConnectionTest, GivesNothingBackWhenTheClientIsGoneMeanwhile) {
    connection->start(&upstream);
    ground.settle();
    // The cancel of the watch comes too late.
    ground.simulated.set_faults(
        {.finished_despite_cancel = 10'000, .late_max = std::chrono::milliseconds{1}});

    connection->closed(true);
    client->reset();
    ground.pass(milliseconds{2});

    EXPECT_TRUE(returns.empty());
    EXPECT_EQ(ends, 1);
}

TEST_F(ForwardedConnectionTest, GivesTheStreamUpWhenTheClientResetsBeforeItIsOpen) {
    connection->start(&upstream);
    EXPECT_TRUE(connection->watch_while_opening());
    ground.settle();

    client->reset();
    ground.settle();

    EXPECT_EQ(upstream.told.back(), "close");
    EXPECT_EQ(ends, 1);
}

TEST_F(ForwardedConnectionTest, PassesOnAnEndThatTheClientSentBeforeTheStreamWasOpen) {
    connection->start(&upstream);
    client->write("request");
    client->shut_down();
    ground.settle();

    connection->opened();
    ground.settle();

    EXPECT_EQ(upstream.sent, "request");
    EXPECT_EQ(upstream.told.back(), "eof");
    EXPECT_EQ(ends, 0);
}

// ---- up
// ------------------------------------------------------------------------------------------

TEST_F(ForwardedConnectionTest, SendsWhatTheClientWritesInOrder) {
    open();
    const std::string text = pattern(50'000);

    client->write(text);
    ground.settle();

    EXPECT_EQ(upstream.sent, text);
    EXPECT_EQ(counters.bytes_up.read(), text.size());
}

TEST_F(ForwardedConnectionTest, ReadsNoMoreThanTheStreamAllows) {
    upstream.allowed_bytes = 10;
    upstream.room_bytes = 4;
    open();

    client->write(pattern(100));
    ground.settle();

    EXPECT_EQ(counters.bytes_up.read(), 10U);
    EXPECT_EQ(upstream.sent, pattern(100).substr(0, 4));
}

TEST_F(ForwardedConnectionTest, ReadsNothingUntilTheStreamIsWritable) {
    upstream.allowed_bytes = 0;
    open();
    client->write("abc");
    ground.settle();
    EXPECT_EQ(ground.loop.receives, 0U);

    upstream.allowed_bytes = 100;
    connection->writable();
    ground.settle();

    EXPECT_EQ(upstream.sent, "abc");
}

TEST_F(ForwardedConnectionTest, KeepsWhatTheStreamDidNotTakeUntilItIsWritable) {
    upstream.room_bytes = 2;
    open();
    client->write("abcdef");
    client->shut_down();
    ground.settle();
    EXPECT_EQ(upstream.sent, "ab");
    EXPECT_TRUE(upstream.told.empty());

    upstream.room_bytes = 3;
    connection->writable();
    upstream.room_bytes = SIZE_MAX;
    connection->writable();
    ground.settle();

    EXPECT_EQ(upstream.sent, "abcdef");
    EXPECT_EQ(upstream.told, (Words{"eof"}));
}

TEST_F(ForwardedConnectionTest, HoldsNoBufferWhileTheClientIsSilent) {
    open();
    ground.settle();

    EXPECT_EQ(ground.simulated.leases_out(), 0U);
}

// ---- down
// ----------------------------------------------------------------------------------------

TEST_F(ForwardedConnectionTest, DeliversAllPiecesOfARoundAndGrantsThem) {
    open();

    bring({"one ", "two ", "three"});
    ground.settle();

    EXPECT_EQ(client->read(), "one two three");
    EXPECT_EQ(upstream.granted_bytes, 13U);
    EXPECT_EQ(counters.bytes_down.read(), 13U);
}

TEST_F(ForwardedConnectionTest, DeliversAServerThatSpeaksFirst) {
    connection->start(&upstream);
    connection->opened();

    bring({"220 ready"});
    ground.settle();

    EXPECT_EQ(client->read(), "220 ready");
}

TEST_F(ForwardedConnectionTest, KeepsTheOrderOfWhatComesWhileASendIsInFlight) {
    open();

    bring({"first ", "second "});
    bring({"third "});
    bring({"fourth "});
    ground.settle();
    bring({"fifth"});
    ground.settle();

    EXPECT_EQ(client->read(), "first second third fourth fifth");
    EXPECT_EQ(upstream.granted_bytes, 31U);
}

TEST_F(ForwardedConnectionTest, DeliversMorePiecesThanOneSendTakes) {
    open();
    Words pieces;
    std::string all;
    for (std::size_t piece = 0; piece < 2 * delivery_pieces_max + 3; ++piece) {
        pieces.push_back(pattern(1 + piece % 9, static_cast<unsigned>(piece)));
        all += pieces.back();
    }

    bring(pieces);
    bring({"and more"});
    ground.settle();

    EXPECT_EQ(client->read(), all + "and more");
    EXPECT_EQ(upstream.granted_bytes, all.size() + 8);
}

// An engine that ran out of room in the receive buffer tells the rest from memory of its own.
TEST_F(ForwardedConnectionTest, KeepsTheOrderOfPiecesInsideAndOutsideOfTheRound) {
    open();
    std::string elsewhere = "two ";
    const std::span<std::byte> bytes = begin(rounds[0], "one three");

    connection->data(bytes.first(4), &rounds[0]);
    connection->data(std::as_writable_bytes(std::span{elsewhere}), nullptr);
    connection->data(bytes.subspan(4), &rounds[0]);
    elsewhere = "????";
    end(rounds[0]);
    ground.settle();

    EXPECT_EQ(client->read(), "one two three");
}

TEST_F(ForwardedConnectionTest, KeepsTheOrderWhenMoreThanOneSendIsFollowedByBytesOutsideTheRound) {
    open();
    const std::string text = pattern(delivery_pieces_max + 5);
    std::string elsewhere = " and more";
    const std::span<std::byte> bytes = begin(rounds[0], text);

    for (std::size_t at = 0; at < bytes.size(); ++at) {
        connection->data(bytes.subspan(at, 1), &rounds[0]);
    }
    connection->data(std::as_writable_bytes(std::span{elsewhere}), nullptr);
    end(rounds[0]);
    ground.settle();

    EXPECT_EQ(client->read(), text + " and more");
}

TEST_F(StoppedReader, IsGrantedOnlyWhatItsKernelTook) {
    const std::string text = pattern(1000);

    bring({text.substr(0, 400), text.substr(400)});
    ground.settle();

    EXPECT_EQ(upstream.granted_bytes, 200U);
    EXPECT_EQ(ground.simulated.leases_out(), 0U);
}

TEST_F(StoppedReader, GetsEverythingInOrderOnceItGoesOn) {
    const std::string text = pattern(3000);
    bring({text.substr(0, 400), text.substr(400, 600)});
    ground.settle();
    bring({text.substr(1000, 1000)});
    bring({text.substr(2000)});

    std::string read;
    for (int times = 0; times < 500 && read.size() < text.size(); ++times) {
        read += client->read(7 + static_cast<std::size_t>(times % 50));
        ground.settle();
    }

    EXPECT_EQ(read, text);
    EXPECT_EQ(upstream.granted_bytes, text.size());
}

TEST_F(StoppedReader, StillSendsUp) {
    bring({pattern(1000)});
    ground.settle();

    client->write("still here");
    ground.settle();

    EXPECT_EQ(upstream.sent, "still here");
}

// ---- half-close
// ----------------------------------------------------------------------------------

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
            connection->closed(step == 'x');
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

// ---- delivery before a reset
// ---------------------------------------------------------------------

TEST_F(StoppedReader, IsResetOnlyAfterItGotWhatHadArrived) {
    const std::string text = pattern(500);
    bring({text});
    connection->closed(true);
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
    connection->closed(true);

    ground.pass(delivery_patience - milliseconds{1});
    EXPECT_FALSE(client->saw_reset());
    ground.pass(2 * delivery_poll_longest);

    EXPECT_TRUE(client->saw_reset());
    EXPECT_EQ(ends, 1);
}

TEST_F(StoppedReader, HasPatienceAnewWithEveryProgress) {
    bring({pattern(500)});
    connection->closed(true);

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
    connection->closed(false);

    ground.pass(6 * delivery_patience);
    std::string read;
    for (int times = 0; times < 50 && !client->saw_end() && !client->saw_reset(); ++times) {
        read += client->read(30);
        ground.settle();
    }

    EXPECT_EQ(read, text);
    EXPECT_TRUE(client->saw_end());
}

TEST_F(ForwardedConnectionTest, DropsWhatTheClientStillSaidWhenTheStreamIsCut) {
    upstream.room_bytes = 1;
    open();
    client->write("abc");
    ground.settle();

    connection->closed(true);
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
    connection->closed(true);
    end(rounds[0]);
    ground.settle();

    EXPECT_EQ(client->read(), "last words");
    EXPECT_TRUE(client->saw_reset());
}

// ---- the client goes
// -----------------------------------------------------------------------------

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
    connection->closed(true);
    ground.settle();

    client->reset();
    ground.settle();

    EXPECT_EQ(ends, 1);
    EXPECT_EQ(observer.told, (Words{"cut db.internal"}));
}

// ---- abort
// ---------------------------------------------------------------------------------------

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
    connection->closed(true);
    ground.settle();

    connection->abort();
    connection->abort();
    ground.settle();

    EXPECT_TRUE(client->saw_reset());
    EXPECT_EQ(ends, 1);
}

}  // namespace
}  // namespace caponier::relay
