// The relay with several sessions: growth, hand-over, and what happens when one of them fails. All
// of them live on one shard; tests/sim runs several.

#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/relay/limits.h"
#include "engine/relay/relay.h"
#include "tests/unit/relay/fake_session.h"
#include "tests/unit/relay/fakes.h"
#include "tests/unit/relay/ground.h"

namespace caponier::relay {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr ssh::LocalChannelId first_channel{0};

class RelayPool : public testing::Test {
  protected:
    explicit RelayPool(const PoolShape& shape = {.sessions_max = 3, .channels_mark = 1},
                       bool needs_no_person = true,
                       MemoryBudget* budget = nullptr) {
        destination.budget = budget;
        factory.desk.needs_no_person = needs_no_person;
        destination.addresses = {ssh_address};
        destination.factory = &factory;
        ssh_listener = *ground.network.listen(ssh_address);
        factory.prepare = [](FakeSession& session) {
            session.events.push_back(ssh::PeerIdentified{"SSH-2.0-Fake"});
            session.events.push_back(ssh::Established{});
        };
        forwards.push_back({{local}, {"db.internal", 5432}});
        relay = std::make_unique<Relay>(
            ground.loop,
            observer,
            Relay::Plan{.destination = destination, .forwards = forwards, .pool = shape});
        ground.turn = [this] {
            if (relay->is_finished()) {
                ground.loop.run_once(true);
            } else {
                relay->turn();
            }
        };
        relay->start();
        settle();
    }
    ~RelayPool() override {
        if (!relay->is_finished()) {
            relay->request_abort();
            settle();
            ground.pass(seconds{2});
        }
        EXPECT_TRUE(relay->is_finished());
        relay.reset();
        EXPECT_EQ(observer.finishes.size(), 1U);
        EXPECT_EQ(ground.simulated.in_flight(), 0U);
    }

    void settle() { ground.settle(); }
    Peer connect() {
        Peer client{ground.network, ground.network.connect(local).value_or(-1)};
        settle();
        return client;
    }
    FakeSession& session(std::size_t which) { return *factory.sessions.at(which); }
    /// The server's end of the session that was made as the `which`th.
    Peer server(std::size_t which) {
        while (const auto number = ground.network.take_waiting(ssh_listener)) {
            servers.push_back(*number);
        }
        return {ground.network, servers.at(which)};
    }
    void push(std::size_t which, const ssh::Event& event) {
        session(which).events.push_back(event);
        server(which).write("!");  // anything from the server makes the worker look
        settle();
    }
    std::size_t opens(std::size_t which) {
        const Words& told = session(which).told;
        return static_cast<std::size_t>(std::count_if(
            told.begin(), told.end(), [](const auto& words) { return words.starts_with("open"); }));
    }

    const io::Address ssh_address = address_of("10.0.0.1", 22);
    const io::Address local = address_of("127.0.0.1", 8080);
    Ground ground;
    FakeFactory factory{ground.loop};
    Destination destination;
    std::vector<Forward> forwards;
    RecordingObserver observer;
    int ssh_listener = -1;
    std::vector<int> servers;
    std::unique_ptr<Relay> relay;
};

class PoolOfAPerson : public RelayPool {
  protected:
    PoolOfAPerson() : RelayPool({.sessions_max = 3, .channels_mark = 1}, false) {}
};

struct ScarceMemory {
    MemoryBudget budget{scarce_window_bytes};
};

/// Memory for one tunnel.
class PoolOfLittleMemory : protected ScarceMemory, public RelayPool {
  protected:
    PoolOfLittleMemory() : RelayPool({.sessions_max = 3, .channels_mark = 1}, true, &budget) {}
};

// ---- growth ------------------------------------------------------------------------------------

TEST_F(RelayPool, HasOneSessionForOneTunnel) {
    connect();

    EXPECT_EQ(factory.sessions.size(), 1U);
    EXPECT_EQ(opens(0), 1U);
}

TEST_F(RelayPool, DialsAnotherSessionWhenTheMarkIsPassedAndSpreadsTunnels) {
    connect();
    connect();
    EXPECT_EQ(factory.sessions.size(), 2U);

    connect();
    EXPECT_EQ(factory.sessions.size(), 3U);
    connect();
    connect();

    EXPECT_EQ(factory.sessions.size(), 3U);
    EXPECT_GE(opens(1), 1U);
    EXPECT_GE(opens(2), 1U);
    EXPECT_EQ(opens(0) + opens(1) + opens(2), 5U);
    EXPECT_EQ(relay->totals().connections_open, 5U);
    EXPECT_EQ(observer.times("established"), 3U);
    EXPECT_EQ(observer.times("listening"), 1U);
}

TEST_F(RelayPool, HasAFreeSessionBeforeTheNextTunnelComesWhereTheFirstIsSaturated) {
    const auto be_busy = [this](milliseconds duration) {
        for (; duration > milliseconds{0}; duration -= milliseconds{10}) {
            server(0).write(std::string(bulk_bytes_per_second / 80, 'x'));
            ground.loop.cpu_time += milliseconds{9};
            ground.pass(milliseconds{10});
        }
    };
    connect();

    be_busy(measure_interval * 2);
    EXPECT_EQ(factory.sessions.size(), 1U);
    be_busy(measure_interval * 2);
    EXPECT_EQ(factory.sessions.size(), 2U);
    be_busy(measure_interval * 4);
    EXPECT_EQ(factory.sessions.size(), 2U);

    connect();
    EXPECT_EQ(opens(1), 1U);
}

TEST_F(PoolOfAPerson, DialsNoOtherSession) {
    connect();
    connect();
    connect();

    EXPECT_EQ(factory.sessions.size(), 1U);
    EXPECT_EQ(opens(0), 3U);
}

TEST_F(RelayPool, GoesOnWithWhatItHasWhenTheServerWantsNoMoreSessions) {
    factory.prepare = [](FakeSession& session) { session.end(ssh::ErrorCode::connection_lost); };
    connect();
    const Peer second = connect();

    EXPECT_EQ(observer.times("not dialed 1"), 1U);
    EXPECT_FALSE(second.saw_reset());
    EXPECT_EQ(opens(0), 2U);
    connect();
    EXPECT_EQ(factory.sessions.size(), 2U);  // not asked again so soon
    EXPECT_TRUE(observer.ends.empty());
}

// ---- failures ----------------------------------------------------------------------------------

class ThreeSessions : public RelayPool {
  protected:
    ThreeSessions() {
        for (int clients = 0; clients < 3; ++clients) {
            connect();
        }
        while (opens(1) == 0 || opens(2) == 0) {
            connect();
        }
        EXPECT_EQ(factory.sessions.size(), 3U);
    }
};

TEST_F(ThreeSessions, LoseOnlyTheTunnelsOfTheOneThatFails) {
    const std::uint64_t before = relay->totals().connections_open;
    for (std::size_t which = 0; which < 3; ++which) {
        for (std::uint32_t channel = 0; channel < opens(which); ++channel) {
            push(which, ssh::ChannelOpened{ssh::LocalChannelId{channel}});
        }
    }
    const std::size_t lost = opens(1);

    server(1).reset();
    settle();

    EXPECT_EQ(observer.times("cut db.internal"), lost);
    EXPECT_EQ(relay->totals().connections_open, before - lost);
    EXPECT_EQ(observer.times("lost 1"), 1U);
    EXPECT_TRUE(observer.ends.empty());
    EXPECT_TRUE(observer.finishes.empty());
}

TEST_F(ThreeSessions, PlaceTunnelsAgainThatTheFailedOneHadNotOpened) {
    const std::size_t before = opens(0) + opens(2);
    const std::size_t moved = opens(1);

    server(1).reset();
    settle();

    EXPECT_EQ(opens(0) + opens(2), before + moved);
    EXPECT_EQ(observer.times("refused db.internal: the session ended"), 0U);
}

TEST_F(ThreeSessions, EndTheRelayOnlyWhenTheLastOneIsGone) {
    server(0).reset();
    settle();
    server(2).reset();
    settle();
    EXPECT_TRUE(observer.finishes.empty());

    server(1).reset();
    ground.pass(seconds{1});

    EXPECT_EQ(observer.ends.size(), 1U);
    EXPECT_EQ(observer.finishes, std::vector{Finish::session_ended});
}

TEST_F(ThreeSessions, AreDrainedTogether) {
    relay->request_drain();
    ground.pass(drain_quiet + 2 * drain_look_interval);

    EXPECT_EQ(observer.finishes, std::vector{Finish::stopped});
    for (std::size_t which = 0; which < 3; ++which) {
        EXPECT_EQ(server(which).read(), "bye");
        EXPECT_TRUE(server(which).saw_end());
    }
    EXPECT_TRUE(observer.ends.empty());
}

TEST_F(ThreeSessions, AreAbortedTogether) {
    relay->request_abort();
    settle();

    EXPECT_EQ(observer.finishes, std::vector{Finish::stopped});
    EXPECT_EQ(relay->totals().connections_open, 0U);
}

TEST_F(ThreeSessions, AreNotDialedAgainAndAgainWhereTheServerEndsThemAtOnce) {
    server(1).reset();
    server(2).reset();
    factory.prepare = [](FakeSession& session) {
        session.events.push_back(ssh::PeerIdentified{"SSH-2.0-Fake"});
        session.events.push_back(ssh::Established{});
        session.end(ssh::ErrorCode::connection_lost);
    };
    for (int times = 0; times < 300; ++times) {
        ground.pass(milliseconds{10});
        connect().reset();
    }

    EXPECT_LE(factory.sessions.size(), 5U);
    EXPECT_TRUE(observer.ends.empty());
}

// ---- and back ----------------------------------------------------------------------------------

TEST_F(RelayPool, EndsASessionThatNobodyHasNeededForAWhile) {
    destination.alive.interval = seconds{0};
    connect();
    Peer second = connect();
    EXPECT_EQ(factory.sessions.size(), 2U);

    ground.pass(session_idle_patience * 2);
    EXPECT_FALSE(server(1).saw_end());  // the mark is one tunnel
    second.reset();
    ground.pass(session_idle_patience * 2);

    const std::size_t ended = server(1).read() == "bye" ? 1 : 0;
    EXPECT_EQ(server(ended).saw_end(), true);
    EXPECT_FALSE(server(1 - ended).saw_end());
    EXPECT_TRUE(observer.ends.empty());
    EXPECT_EQ(observer.times("lost 1"), 0U);
    connect();
    EXPECT_EQ(factory.sessions.size(), 3U);
}

// ---- one session a user ------------------------------------------------------------------------

constexpr std::string_view takeover_line =
    "warning the server ends a session of this user when another one logs in; from here on one SSH "
    "connection carries all tunnels";

TEST_F(RelayPool, StaysWithOneSessionWhereTheServerEndsTheOlderOneForIt) {
    destination.alive.interval = seconds{0};
    connect();
    ground.pass(session_trial);
    connect();
    EXPECT_EQ(factory.sessions.size(), 2U);

    server(0).reset();
    settle();
    for (int clients = 0; clients < 5; ++clients) {
        connect();
        ground.pass(seconds{30});
    }

    EXPECT_EQ(factory.sessions.size(), 2U);
    EXPECT_EQ(observer.times(takeover_line), 1U);
    EXPECT_EQ(observer.times("lost 0"), 1U);
    EXPECT_TRUE(observer.ends.empty());
}

/// The second session's login takes until finish_login().
class SlowLogin : public RelayPool {
  protected:
    SlowLogin() {
        destination.alive.interval = seconds{0};
        connect();
        ground.pass(session_trial);
        factory.prepare = [](FakeSession& session) {
            session.events.push_back(ssh::PeerIdentified{"SSH-2.0-Fake"});
        };
        connect();
        EXPECT_EQ(factory.sessions.size(), 2U);
    }
    void finish_login(std::size_t which) { push(which, ssh::Established{}); }
};

TEST_F(SlowLogin, TakesThePlaceOfTheLastSessionThatTheServerEndedForIt) {
    server(0).reset();
    settle();
    EXPECT_TRUE(observer.ends.empty());
    const Peer waiting = connect();

    finish_login(1);
    ground.pass(waiting_poll);

    EXPECT_FALSE(waiting.saw_reset());
    EXPECT_EQ(opens(1), 1U);
    EXPECT_EQ(observer.times("lost 0"), 1U);
    EXPECT_EQ(observer.times(takeover_line), 1U);
    EXPECT_TRUE(observer.finishes.empty());
}

TEST_F(SlowLogin, EndsTheRelayWithTheReasonOfTheLastSessionWhenItFails) {
    server(0).reset();
    settle();
    session(1).end(ssh::ErrorCode::authentication_failed);
    push(1, ssh::Warning{"x"});
    ground.pass(seconds{1});

    ASSERT_EQ(observer.ends.size(), 1U);
    EXPECT_EQ(observer.ends[0].error.code, ssh::ErrorCode::connection_lost);
    EXPECT_EQ(observer.ends[0].os_error, ECONNRESET);
    EXPECT_EQ(observer.finishes, std::vector{Finish::session_ended});
}

TEST_F(SlowLogin, IsCalledOffWhereItWouldEndTheSessionThatIsLeft) {
    connect();
    EXPECT_EQ(factory.sessions.size(), 3U);
    finish_login(1);
    server(0).reset();
    settle();
    ground.pass(seconds{1});

    EXPECT_EQ(observer.times(takeover_line), 1U);
    EXPECT_EQ(server(2).read(), "bye");
    EXPECT_TRUE(server(2).saw_end());
    EXPECT_FALSE(server(1).saw_end());
    EXPECT_TRUE(observer.ends.empty());
}

// ---- lack of resources -------------------------------------------------------------------------

TEST_F(RelayPool, TriesAnotherSessionOnceWhenTheServerIsShortOfSomething) {
    const Peer first = connect();
    const Peer second = connect();
    EXPECT_EQ(factory.sessions.size(), 2U);
    const ssh::ChannelRefused refused{
        .id = first_channel, .reason = ssh::OpenFailure::resource_shortage, .text = ""};

    push(0, refused);
    EXPECT_EQ(opens(1), 1U);
    EXPECT_FALSE(first.saw_reset());
    push(1, refused);

    EXPECT_TRUE(first.saw_reset());
    EXPECT_FALSE(second.saw_reset());
    EXPECT_EQ(opens(0), 2U);
    EXPECT_EQ(observer.times("refused db.internal: resource shortage"), 1U);
}

TEST_F(RelayPool, RefusesForLackOfResourcesWhereThereIsNoOtherSession) {
    const Peer client = connect();

    push(0,
         ssh::ChannelRefused{
             .id = first_channel, .reason = ssh::OpenFailure::resource_shortage, .text = "no"});

    EXPECT_TRUE(client.saw_reset());
    EXPECT_EQ(observer.times("refused db.internal: resource shortage: no"), 1U);
}

TEST_F(PoolOfLittleMemory, LetsATunnelWaitForOneThatEnds) {
    connect();
    const Peer second = connect();
    EXPECT_EQ(opens(0), 1U);
    EXPECT_EQ(factory.sessions.size(), 1U);

    push(0, ssh::ChannelOpened{first_channel});
    push(0, ssh::ChannelClosed{.id = first_channel, .cut = false});
    ground.pass(waiting_poll * 2);

    EXPECT_EQ(opens(0), 2U);
    EXPECT_FALSE(second.saw_reset());
}

TEST_F(PoolOfLittleMemory, SaysThatItWasTheMemoryForWhichATunnelWaitedInVain) {
    const Peer first = connect();
    const Peer second = connect();

    ground.pass(waiting_patience + waiting_poll * 2);

    EXPECT_FALSE(first.saw_reset());
    EXPECT_TRUE(second.saw_reset());
    EXPECT_EQ(observer.times("refused db.internal: the memory budget is used up (MemoryBudget)"),
              1U);
}

// Between the look at the budget and the opening of the channel, on another shard, it may go.
TEST_F(PoolOfLittleMemory, LetsThoseWaitThatWereLetInForTheSameMemory) {
    Peer first{ground.network, ground.network.connect(local).value_or(-1)};
    Peer second{ground.network, ground.network.connect(local).value_or(-1)};
    settle();
    EXPECT_EQ(opens(0), 1U);
    EXPECT_FALSE(first.saw_reset());
    EXPECT_FALSE(second.saw_reset());

    push(0, ssh::ChannelOpened{first_channel});
    push(0, ssh::ChannelClosed{.id = first_channel, .cut = false});
    ground.pass(waiting_poll * 2);

    EXPECT_EQ(opens(0) + opens(1), 2U);
    EXPECT_FALSE(second.saw_reset());
}

TEST_F(RelayPool, DoesNotMoveWhatTheTargetRefused) {
    const Peer first = connect();
    connect();
    push(0,
         ssh::ChannelRefused{
             .id = first_channel, .reason = ssh::OpenFailure::connect_failed, .text = ""});

    EXPECT_TRUE(first.saw_reset());
    EXPECT_EQ(opens(1), 0U);
}

// ---- waiting -----------------------------------------------------------------------------------

/// One session that is full.
class FullPool : public RelayPool {
  protected:
    FullPool() : RelayPool({.sessions_max = 1, .channels_mark = 1}) {
        for (std::size_t clients = 0; clients < session_channels_max; ++clients) {
            full.push_back(connect());
        }
        EXPECT_EQ(opens(0), session_channels_max);
    }
    std::vector<Peer> full;
};

TEST_F(FullPool, LetsTunnelsWaitAndServesThemWhenThereIsRoom) {
    Peer waiting = connect();
    waiting.write("early");
    ground.pass(waiting_patience / 2);
    EXPECT_EQ(opens(0), session_channels_max);

    full[3].reset();
    ground.pass(waiting_poll * 2);

    EXPECT_EQ(opens(0), session_channels_max + 1);
    push(0, ssh::ChannelOpened{ssh::LocalChannelId{session_channels_max}});
    EXPECT_EQ(session(0).told.back(), "send early");
}

TEST_F(FullPool, RefusesAfterAWhileAndSaysWhy) {
    const Peer waiting = connect();

    ground.pass(waiting_patience + waiting_poll * 2);

    EXPECT_TRUE(waiting.saw_reset());
    EXPECT_EQ(
        observer.times("refused db.internal: every SSH session has as many channels as it may"),
        1U);
}

TEST_F(FullPool, ForgetsAWaitingClientThatLeaves) {
    Peer waiting = connect();
    waiting.reset();
    settle();
    full[3].reset();
    ground.pass(waiting_poll * 2);

    EXPECT_EQ(opens(0), session_channels_max);
}

TEST_F(FullPool, ResetsWaitingClientsWhenItDrains) {
    const Peer waiting = connect();

    relay->request_drain();
    settle();

    EXPECT_TRUE(waiting.saw_reset());
    EXPECT_FALSE(full[0].saw_reset());
}

}  // namespace
}  // namespace caponier::relay
