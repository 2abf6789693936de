// A session that carries streams: its clock, its streams, its end.

#include "engine/relay/session_worker.h"

#include <algorithm>
#include <cerrno>
#include <string>

#include <gtest/gtest.h>

#include "tests/unit/relay/session_worker_ground.h"

namespace caponier::relay {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Phase = SessionEnd::Phase;

// ---- bytes that arrive in small pieces ----------------------------------------------------------

/// A session that needs so many bytes at a time.
void wants(FakeSession& session, std::size_t bytes) {
    session.wanted = bytes;
    session.on_receive = [&session](std::span<std::byte> offered) {
        return offered.size() / session.wanted * session.wanted;
    };
}

// A packet of 1,000 bytes that comes byte by byte is offered once.
TEST_F(SessionWorkerTest, OffersAPacketOnceItIsThere) {
    establish();
    wants(session(), 1'000);
    const std::size_t offers_before = session().offers;
    session().offered_bytes = 0;

    std::string sent;
    for (std::size_t i = 0; i < 1'000; ++i) {
        EXPECT_EQ(session().offers, offers_before);
        sent.push_back(static_cast<char>('a' + i % 26));
        server->write(sent.substr(i));
        settle();
    }

    EXPECT_EQ(session().offers, offers_before + 1);
    EXPECT_EQ(session().offered_bytes, sent.size());
    EXPECT_EQ(session().received, sent);
}

// What is left of a receive counts for the next one.
TEST_F(SessionWorkerTest, OffersWhatWasLeftWithWhatWasMissing) {
    establish();
    wants(session(), 100);
    const std::size_t offers_before = session().offers;

    server->write(std::string(130, 'a'));
    settle();
    server->write(std::string(69, 'b'));
    settle();
    EXPECT_EQ(session().offers, offers_before + 1);
    server->write("c");
    settle();

    EXPECT_EQ(session().offers, offers_before + 2);
    EXPECT_EQ(session().received, std::string(130, 'a') + std::string(69, 'b') + "c");
}

// They may be anybody's who can write into the connection.
TEST_F(SessionWorkerTest, TakesBytesThatAreTooFewForTheSessionForNoSignOfLife) {
    establish();
    wants(session(), 1'000);

    for (int times = 0; times < 20 && ends.empty(); ++times) {
        pass(destination.alive.interval / 2);
        server->write("x");
        settle();
    }

    ASSERT_EQ(ends.size(), 1U);
    EXPECT_TRUE(ends[0].deadline);
}

// ---- the clock ----------------------------------------------------------------------------------

// Items 64 and 117.
TEST_F(SessionWorkerTest, ProbesASilentServerAndGivesItUp) {
    establish();

    pass(3 * destination.alive.interval + seconds{1});
    EXPECT_EQ(session().told, (Words{"probe", "probe", "probe"}));
    EXPECT_TRUE(ends.empty());
    pass(destination.alive.interval);

    ASSERT_EQ(ends.size(), 1U);
    EXPECT_EQ(ends[0].phase, Phase::established);
    EXPECT_TRUE(ends[0].deadline);
    EXPECT_EQ(session().told.size(), 3U);
}

// Item 69: any packet is a sign of life.
TEST_F(SessionWorkerTest, CountsProbesAnewWhenTheServerSaysAnything) {
    establish();

    for (int times = 0; times < 5; ++times) {
        pass(3 * destination.alive.interval + seconds{1});
        server->write("alive");
        settle();
    }

    EXPECT_TRUE(ends.empty());
    EXPECT_EQ(session().told.size(), 15U);
}

// The header of a large packet, and then a byte now and then: nobody has proved to be there.
TEST_F(SessionWorkerTest, TakesBytesThatFinishNoPacketForNoSignOfLife) {
    establish();
    session().on_receive = [](std::span<std::byte>) { return std::size_t{0}; };

    for (int times = 0; times < 200 && ends.empty(); ++times) {
        server->write("x");
        pass(destination.alive.interval / 20);
    }

    ASSERT_EQ(ends.size(), 1U);
    EXPECT_TRUE(ends[0].deadline);
    EXPECT_EQ(session().told, (Words{"probe", "probe", "probe"}));
}

// libssh2 consumes what comes, whole packets or not.
TEST_F(SessionWorkerTest, AsksTheSessionWhatWasASignOfLife) {
    establish();
    session().on_receive = [this](std::span<std::byte> bytes) {
        --session().signs;
        return bytes.size();
    };

    for (int times = 0; times < 200 && ends.empty(); ++times) {
        server->write("x");
        pass(destination.alive.interval / 20);
    }

    EXPECT_EQ(ends.size(), 1U);
}

/// Probed every second, and given up after two probes.
class HastyWorker : public SessionWorkerTest {
  protected:
    HastyWorker() {
        destination.alive.interval = seconds{1};
        destination.alive.probes_max = 2;
    }
    /// Nothing is turned meanwhile: the process is stopped.
    void stop_for(milliseconds time) { ground.stand_still(time); }
};

TEST_F(HastyWorker, ReadsWhatHasComeBeforeItJudges) {
    establish();
    pass(milliseconds{2'900});
    EXPECT_EQ(session().told, (Words{"probe", "probe"}));

    // The timer is due before the answer arrives, and is told first.
    stop_for(milliseconds{200});
    server->write("answer");
    stop_for(milliseconds{200});
    pass(milliseconds{700});

    EXPECT_TRUE(ends.empty());
}

TEST_F(HastyWorker, CountsNoTimeInWhichItDidNotRun) {
    establish();
    pass(milliseconds{2'100});
    EXPECT_EQ(session().told, (Words{"probe", "probe"}));

    stop_for(seconds{6});
    pass(milliseconds{900});
    EXPECT_TRUE(ends.empty());  // the last probe has its second once more
    server->write("answer");
    pass(milliseconds{500});

    EXPECT_TRUE(ends.empty());
}

TEST_F(HastyWorker, ProbesAtOnceWhenItRunsAgain) {
    establish();

    stop_for(seconds{6});
    settle();
    EXPECT_EQ(session().told, (Words{"probe"}));
    pass(milliseconds{1'900});

    EXPECT_EQ(session().told, (Words{"probe", "probe"}));
    EXPECT_TRUE(ends.empty());
}

TEST_F(HastyWorker, GivesADeadServerUpAlsoAfterItWasStopped) {
    establish();
    pass(milliseconds{2'100});

    stop_for(seconds{6});
    pass(milliseconds{1'200});

    ASSERT_EQ(ends.size(), 1U);
    EXPECT_TRUE(ends[0].deadline);
}

TEST_F(SessionWorkerTest, ReadsWhatHasComeBeforeItSaysThatADeadlinePassed) {
    establish();
    session().deadline = ground.network.now() + seconds{5};
    worker->settle();
    pass(seconds{1});
    session().on_receive = [this](std::span<std::byte> bytes) {
        session().deadline.reset();
        return bytes.size();
    };

    ground.stand_still(seconds{10});
    server->write("what was awaited");
    ground.stand_still(seconds{10});
    settle();

    EXPECT_EQ(std::count(session().told.begin(), session().told.end(), "expire"), 0);
}

TEST_F(SessionWorkerTest, NeverProbesAServerThatIsBusy) {
    establish();

    for (int times = 0; times < 20; ++times) {
        pass(destination.alive.interval / 2);
        server->write("data");
        settle();
    }

    EXPECT_TRUE(session().told.empty());
}

TEST_F(SessionWorkerTest, NeverProbesWhenItIsToldNotTo) {
    destination.alive.interval = seconds{0};
    establish();

    pass(hours{1});

    EXPECT_TRUE(session().told.empty());
}

TEST_F(SessionWorkerTest, TellsTheSessionThatItsDeadlinePassed) {
    establish();
    session().deadline = ground.network.now() + seconds{5};
    worker->settle();

    pass(seconds{4});
    EXPECT_TRUE(session().told.empty());
    pass(seconds{2});

    EXPECT_EQ(session().told, (Words{"expire"}));
}

TEST_F(SessionWorkerTest, DoesNotExpireASessionThatWaitsForAPerson) {
    connect();
    session().deadline = ground.network.now() + seconds{5};
    push(ssh::HostKeyReceived{});

    pass(seconds{60});
    EXPECT_TRUE(session().told.empty());
    answer(AcceptHostKey{});
    pass(milliseconds{10});

    EXPECT_EQ(session().told, (Words{"accept host key", "expire"}));
}

TEST_F(SessionWorkerTest, TurnsNoMoreOftenThanItsTimersWhileNothingHappens) {
    destination.alive.interval = seconds{10};
    destination.alive.probes_max = 1'000;
    establish();

    std::size_t callbacks = 0;
    const io::TimePoint until = ground.network.now() + seconds{100};
    while (ground.network.now() < until) {
        callbacks += ground.loop.run_once(true);
    }

    EXPECT_LE(callbacks, 25U);
}

// ---- acknowledgements ---------------------------------------------------------------------------

TEST_F(SessionWorkerTest, AcknowledgesAtOnceWhatItDoesNotAnswer) {
    establish();
    const std::size_t before = ground.loop.acknowledgements;

    server->write("pushed");
    settle();

    EXPECT_EQ(ground.loop.acknowledgements, before + 1);
}

TEST_F(SessionWorkerTest, LetsAnAnswerAcknowledge) {
    establish();
    const std::size_t before = ground.loop.acknowledgements;
    session().on_receive = [this](std::span<std::byte> bytes) {
        session().outbox_text += "answer";
        return bytes.size();
    };

    server->write("question");
    settle();

    EXPECT_EQ(ground.loop.acknowledgements, before);
}

// ---- streams ------------------------------------------------------------------------------------

TEST_F(SessionWorkerTest, TellsAStreamOnceThatARoundIsComplete) {
    establish();
    open_stream();
    session().on_receive = [this](std::span<std::byte> bytes) {
        session().events.push_back(
            ssh::ChannelData{ssh::LocalChannelId{0}, bytes.first(bytes.size() / 2)});
        session().events.push_back(ssh::ChannelEof{ssh::LocalChannelId{0}});
        return bytes.size();
    };

    server->write("abcd");
    settle();

    EXPECT_EQ(user.told, (Words{"data: ab", "eof", "deliver"}));
}

TEST_F(SessionWorkerTest, LetsStreamsCopyWhenBothRoundsAreStillBeingSent) {
    user.keeps_rounds = true;
    establish();
    open_stream();
    deliver_bytes_one_by_one();

    server->write("a");
    settle();
    server->write("b");
    settle();
    server->write("c");
    settle();
    user.kept[0]->release();
    server->write("d");
    settle();

    EXPECT_EQ(
        user.told,
        (Words{
            "data: a", "deliver", "data: b", "deliver", "data to copy: c", "data: d", "deliver"}));
    user.kept[1]->release();
    user.kept[2]->release();
}

TEST_F(SessionWorkerTest, LetsStreamsCopyWhatTheEngineKeepsInMemoryOfItsOwn) {
    std::string elsewhere = "own";
    establish();
    open_stream();
    session().on_receive = [&](std::span<std::byte> bytes) {
        session().events.push_back(
            ssh::ChannelData{ssh::LocalChannelId{0}, std::as_writable_bytes(std::span{elsewhere})});
        return bytes.size();
    };

    server->write("x");
    settle();

    EXPECT_EQ(user.told, (Words{"data to copy: own"}));
}

TEST_F(SessionWorkerTest, TakesTheShortestOfItsFirstRoundTripsForThePaths) {
    establish();
    const StreamId id = open_stream();
    const auto answer_after = [&](milliseconds time) {
        pass(time);
        session().events.push_back(ssh::ProbeAnswered{});
        server->write("x");
        settle();
    };

    for (const int time : {100, 50, 80}) {
        answer_after(milliseconds{time});
    }
    EXPECT_EQ(std::count(session().told.begin(), session().told.end(), "probe"),
              2);  // and one before
    session().told.clear();
    worker->upstream()->grant(id, 1);
    pass(milliseconds{60});
    worker->upstream()->grant(id, initial_window_bytes / 2 + 1024 * 1024);

    EXPECT_TRUE(session().told.back().starts_with("widen "));
}

TEST_F(DeafServer, WakesStreamsThatTheOutboxHeldBackWhenItDrains) {
    establish();
    const StreamId id = open_stream();
    const ssh::LocalChannelId channel{static_cast<std::uint32_t>(id)};
    session().channel_of(channel).send_window = 1024 * 1024;
    EXPECT_GT(worker->upstream()->allowance(id, local_buffer_bytes), 0U);
    session().channel_of(channel).send_window -= sparse_bytes;
    session().outbox_text += pattern(600 * 1024);
    EXPECT_EQ(worker->upstream()->allowance(id, local_buffer_bytes), 0U);
    worker->settle();
    settle();
    EXPECT_TRUE(user.told.empty());

    for (int times = 0; times < 2'000 && user.told.empty(); ++times) {
        server->read();
        settle();
    }

    EXPECT_EQ(user.told, (Words{"writable"}));
    EXPECT_LT(session().outbox_text.size(), outbox_high_water_bytes);
    EXPECT_GE(session().outbox_text.size(), outbox_high_water_bytes - 100);
    for (int times = 0; times < 1'000 && !session().outbox_text.empty(); ++times) {
        server->read();
        settle();
    }
}

TEST_F(SessionWorkerTest, SendsAnOutboxOfMorePiecesThanOneSendTakes) {
    establish();
    session().outbox_piece_bytes = 10;
    session().outbox_text += pattern(10 * outbox_pieces * 3 + 5);
    const std::string text = session().outbox_text;

    worker->settle();
    settle();

    EXPECT_EQ(server->read(), text);
    EXPECT_TRUE(session().outbox_text.empty());
}

// ---- the end ------------------------------------------------------------------------------------

TEST_F(SessionWorkerTest, CutsItsStreamsBeforeItTellsThatTheSessionEnded) {
    establish();
    open_stream();

    server->shut_down();
    settle();

    ASSERT_EQ(ends.size(), 1U);
    EXPECT_EQ(user.told, (Words{"cut"}));
    EXPECT_EQ(ends[0].error.code, ssh::ErrorCode::connection_lost);
    EXPECT_EQ(ends[0].os_error, 0);
}

TEST_F(SessionWorkerTest, DeliversTheRoundInWhichTheSessionEnded) {
    establish();
    open_stream();
    session().on_receive = [this](std::span<std::byte> bytes) {
        session().events.push_back(ssh::ChannelData{ssh::LocalChannelId{0}, bytes});
        session().end(ssh::ErrorCode::disconnected_by_peer);
        return bytes.size();
    };

    server->write("last");
    settle();

    EXPECT_EQ(user.told, (Words{"data: last", "cut", "deliver"}));
    EXPECT_EQ(ends.size(), 1U);
}

TEST_F(SessionWorkerTest, TellsTheErrorOfABrokenConnection) {
    establish();

    server->reset();
    settle();

    ASSERT_EQ(ends.size(), 1U);
    EXPECT_EQ(ends[0].os_error, ECONNRESET);
    EXPECT_EQ(ends[0].phase, Phase::established);
}

TEST_F(SessionWorkerTest, SaysGoodbyeBeforeItCloses) {
    establish();

    worker->disconnect();
    settle();

    EXPECT_EQ(server->read(), "bye");
    EXPECT_TRUE(server->saw_end());
    ASSERT_EQ(ends.size(), 1U);
    EXPECT_EQ(ends[0].error.code, ssh::ErrorCode::closed_by_application);
}

// Item 68: SSH_MSG_DISCONNECT leaves, and the end never waits for a peer that does not read.
TEST_F(DeafServer, GetsItsGoodbyeOnlySoLong) {
    establish();
    session().outbox_text += pattern(1000);
    worker->settle();
    settle();

    worker->disconnect();
    pass(farewell_patience - milliseconds{10});
    EXPECT_TRUE(ends.empty());
    pass(milliseconds{20});

    EXPECT_EQ(ends.size(), 1U);
}

TEST_F(SessionWorkerTest, CanBeStoppedWhileItDials) {
    ground.loop.silent.insert(address.to_string());
    worker->start();

    worker->disconnect();
    EXPECT_EQ(ends.size(), 1U);
    settle();

    EXPECT_TRUE(worker->is_idle());
    EXPECT_EQ(ends[0].error.code, ssh::ErrorCode::closed_by_application);
}

TEST_F(SessionWorkerTest, CanBeStoppedBeforeTheServerIdentifiedItself) {
    connect();

    worker->disconnect();
    settle();

    EXPECT_EQ(ends.size(), 1U);
    EXPECT_TRUE(worker->is_idle());
}

TEST_F(SessionWorkerTest, CanBeStoppedWhileAQuestionIsOpen) {
    connect();
    push(ssh::HostKeyReceived{});

    worker->disconnect();
    settle();

    EXPECT_EQ(ends.size(), 1U);
    EXPECT_EQ(factory.desk.policies, 0U);
}

TEST_F(SessionWorkerTest, CanBeStoppedBeforeItWasStarted) {
    worker->disconnect();

    EXPECT_EQ(ends.size(), 1U);
    EXPECT_TRUE(worker->is_idle());
}

TEST_F(DeafServer, CanBeStoppedTwice) {
    establish();
    session().outbox_text += pattern(1000);
    worker->settle();

    worker->disconnect();
    worker->disconnect();
    pass(seconds{2});

    EXPECT_EQ(ends.size(), 1U);
}

}  // namespace
}  // namespace caponier::relay
