// How a connection starts and carries bytes in both directions, and who has to wait for whom.

#include "engine/relay/forwarded_connection.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/relay/forwarded_connection_ground.h"

namespace caponier::relay {
namespace {

using std::chrono::milliseconds;

// ---- start --------------------------------------------------------------------------------------

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

    connection->closed(true, {});
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

    connection->closed(true, {});
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

// ---- up -----------------------------------------------------------------------------------------

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

// The pools of these tests have four buffers each.
TEST_F(ForwardedConnectionTest, ReadsOnBesideManyWhoseStreamsTakeNothing) {
    open();
    FakeUpstream stuck;
    stuck.room_bytes = 0;
    std::vector<Extra> others = connect_more(20, stuck);
    for (Extra& other : others) {
        other.client.write("nobody takes this");
    }
    ground.settle();
    EXPECT_EQ(counters.bytes_up.read(), others.size() * 17);

    client->write("but this");
    ground.settle();
    EXPECT_EQ(upstream.sent, "but this");
    stuck.room_bytes = SIZE_MAX;
    for (Extra& other : others) {
        other.connection->writable();
    }

    std::string all;
    for (std::size_t count = 0; count < others.size(); ++count) {
        all += "nobody takes this";
    }
    EXPECT_EQ(stuck.sent, all);
    EXPECT_EQ(ground.simulated.leases_out(), 0U);
    abort(others);
}

TEST_F(ForwardedConnectionTest, HoldsNoBufferWhileTheClientIsSilent) {
    open();
    ground.settle();

    EXPECT_EQ(ground.simulated.leases_out(), 0U);
}

// ---- down ---------------------------------------------------------------------------------------

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

}  // namespace
}  // namespace caponier::relay
