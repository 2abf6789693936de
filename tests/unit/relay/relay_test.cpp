// The whole relay over the simulated loop: listeners, sessions without SSH, and every way to end.

#include "engine/relay/relay.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/relay/limits.h"
#include "tests/unit/relay/fake_session.h"
#include "tests/unit/relay/fakes.h"
#include "tests/unit/relay/ground.h"

namespace caponier::relay {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class RelayTest : public testing::Test {
  protected:
    RelayTest() {
        destination.addresses = {ssh_address};
        destination.factory = &factory;
        ssh_listener = *ground.network.listen(ssh_address);
        factory.prepare = [](FakeSession& session) {
            session.events.push_back(ssh::PeerIdentified{"SSH-2.0-Fake"});
            session.events.push_back(ssh::Established{});
        };
    }
    ~RelayTest() override {
        if (relay != nullptr && !relay->is_finished()) {
            relay->request_abort();
            settle();
            pass(seconds{2});
        }
        if (relay != nullptr) {
            EXPECT_TRUE(relay->is_finished());
        }
        relay.reset();
        EXPECT_EQ(observer.finishes.size(), 1U);
        EXPECT_EQ(ground.simulated.in_flight(), 0U);
    }

    /// Those that the network chooses next, on ::1; returns the last of them.
    std::uint16_t take_ports_of_the_other_family(std::uint16_t count) {
        const int probe = *ground.network.listen(address_of("127.0.0.1", 0));
        std::uint16_t port = ground.network.local_address(probe).port();
        for (std::uint16_t taken = 0; taken < count; ++taken) {
            static_cast<void>(ground.network.listen(address_of("::1", ++port)));
        }
        return port;
    }
    void forward(std::vector<io::Address> binds) {
        forwards.push_back({std::move(binds), {"db.internal", 5432}});
    }
    void make(bool exit_on_forward_failure = false) {
        relay =
            std::make_unique<Relay>(ground.loop,
                                    observer,
                                    Relay::Plan{.destination = destination,
                                                .forwards = forwards,
                                                .exit_on_forward_failure = exit_on_forward_failure,
                                                .drain_timeout = drain_timeout});
    }
    void start(bool exit_on_forward_failure = false) {
        make(exit_on_forward_failure);
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
    void settle() { ground.settle(); }
    void pass(std::chrono::nanoseconds duration) { ground.pass(duration); }

    Peer connect(const io::Address& address) {
        Peer client{ground.network, ground.network.connect(address).value_or(-1)};
        settle();
        return client;
    }
    FakeSession& session() { return *factory.session; }
    void push(const ssh::Event& event) {
        session().events.push_back(event);
        // Anything from the server makes the worker look.
        server().write("!");
        settle();
    }
    Peer server() {
        if (!server_number) {
            server_number = ground.network.take_waiting(ssh_listener);
        }
        return {ground.network, server_number.value_or(-1)};
    }

    const io::Address ssh_address = address_of("10.0.0.1", 22);
    const io::Address local = address_of("127.0.0.1", 8080);
    Ground ground;
    FakeFactory factory{ground.loop};
    Destination destination;
    std::vector<Forward> forwards;
    milliseconds drain_timeout = drain_patience;
    RecordingObserver observer;
    int ssh_listener = -1;
    std::optional<int> server_number;
    std::unique_ptr<Relay> relay;
};

class ServingRelay : public RelayTest {
  protected:
    ServingRelay() {
        forward({local});
        start();
    }
};

// ---- listening ----------------------------------------------------------------------------------

TEST_F(RelayTest, ListensOnceTheSessionIsEstablishedAndNotBefore) {
    factory.prepare = [](FakeSession&) {};
    forward({local});
    start();
    EXPECT_FALSE(ground.network.connect(local).has_value());

    push(ssh::Established{});

    EXPECT_TRUE(ground.network.connect(local).has_value());
    EXPECT_EQ(observer.told, (Words{"established", "listening"}));
}

TEST_F(RelayTest, EndsWhenAForwardCannotListenAndThatIsFatal) {
    const int taken = *ground.network.listen(local);
    forward({address_of("127.0.0.1", 9090)});
    forward({local});

    start(true);

    EXPECT_EQ(observer.finishes, std::vector{Finish::cannot_listen});
    EXPECT_EQ(observer.times("listen failed at 127.0.0.1:8080"), 1U);
    EXPECT_FALSE(ground.network.connect(address_of("127.0.0.1", 9090)).has_value());
    ground.network.close(taken);
}

TEST_F(RelayTest, ServesTheOtherForwardsWhenAFailureIsNotFatal) {
    const int taken = *ground.network.listen(local);
    forward({local});
    forward({address_of("127.0.0.1", 9090)});

    start(false);

    EXPECT_TRUE(observer.finishes.empty());
    EXPECT_TRUE(ground.network.connect(address_of("127.0.0.1", 9090)).has_value());
    ground.network.close(taken);
}

TEST_F(RelayTest, EndsWhenNoForwardCanListen) {
    const int taken = *ground.network.listen(local);
    forward({local});

    start(false);

    EXPECT_EQ(observer.finishes, std::vector{Finish::cannot_listen});
    ground.network.close(taken);
}

TEST_F(RelayTest, DoesWithoutAFamilyThatTheMachineDoesNotHave) {
    ground.loop.missing.insert("::1");
    forward({address_of("::1", 8080), local});

    start(true);

    ASSERT_EQ(observer.listening_at.size(), 1U);
    EXPECT_EQ(observer.listening_at[0].to_string(), "127.0.0.1:8080");
}

TEST_F(RelayTest, CannotListenWithoutAnyFamily) {
    ground.loop.missing = {"::1", "127.0.0.1"};
    forward({local, address_of("::1", 8080)});

    start(true);

    EXPECT_EQ(observer.finishes, std::vector{Finish::cannot_listen});
    EXPECT_EQ(observer.times("listen failed at 127.0.0.1:8080"), 1U);
}

TEST_F(RelayTest, AsksForTheChosenPortInTheOtherFamily) {
    forward({address_of("127.0.0.1", 0), address_of("::1", 0)});

    start(true);

    ASSERT_EQ(observer.listening_at.size(), 1U);
    const std::uint16_t port = observer.listening_at[0].port();
    EXPECT_NE(port, 0);
    EXPECT_TRUE(ground.network.connect(address_of("127.0.0.1", port)).has_value());
    EXPECT_TRUE(ground.network.connect(address_of("::1", port)).has_value());
}

// Whoever holds the port in the other family would get the connections of clients that try it
// first.
TEST_F(RelayTest, ChoosesAnotherPortWhereTheOtherFamilyHasItTaken) {
    const std::uint16_t taken_to = take_ports_of_the_other_family(5);
    forward({address_of("127.0.0.1", 0), address_of("::1", 0)});

    start(true);

    ASSERT_EQ(observer.listening_at.size(), 1U);
    const std::uint16_t port = observer.listening_at[0].port();
    EXPECT_GT(port, taken_to);
    EXPECT_TRUE(ground.network.connect(address_of("127.0.0.1", port)).has_value());
    EXPECT_TRUE(ground.network.connect(address_of("::1", port)).has_value());
}

TEST_F(RelayTest, CannotListenWhereTheOtherFamilyHasEveryPortTaken) {
    take_ports_of_the_other_family(100);
    forward({address_of("127.0.0.1", 0), address_of("::1", 0)});

    start(true);

    EXPECT_EQ(observer.finishes, std::vector{Finish::cannot_listen});
    EXPECT_EQ(std::ranges::count_if(observer.told,
                                    [](const std::string& words) {
                                        return words.starts_with("listen failed at [::1]:");
                                    }),
              1);
}

// ---- serving ------------------------------------------------------------------------------------

TEST_F(ServingRelay, OpensAStreamForEveryConnection) {
    connect(local);
    connect(local);

    ASSERT_EQ(session().told.size(), 3U);
    EXPECT_EQ(session().told[0], "probe");
    EXPECT_TRUE(session().told[1].starts_with("open db.internal:5432 from 127.0.0.1:"));
    EXPECT_EQ(relay->totals().connections_open, 2U);
    EXPECT_EQ(relay->totals().connections_total, 2U);
}

TEST_F(ServingRelay, CarriesBytesUp) {
    Peer client = connect(local);
    push(ssh::ChannelOpened{ssh::LocalChannelId{0}});

    client.write("hello");
    settle();

    EXPECT_EQ(session().told.back(), "send hello");
    EXPECT_EQ(relay->totals().bytes_up, 5U);
}

TEST_F(ServingRelay, ForgetsConnectionsInAnyOrder) {
    std::vector<Peer> clients;
    for (int times = 0; times < 5; ++times) {
        clients.push_back(connect(local));
    }

    for (const std::size_t which : {1U, 4U, 0U}) {
        clients[which].reset();
        settle();
    }
    // Their channels are not open yet, so that they are looked at now and then.
    ground.pass(2 * opening_watch_delay);

    EXPECT_EQ(relay->totals().connections_open, 2U);
    EXPECT_FALSE(clients[2].saw_reset());
    EXPECT_FALSE(clients[3].saw_reset());
}

TEST_F(ServingRelay, AcceptsAgainAsSoonAsAConnectionFreedItsDescriptor) {
    Peer first = connect(local);
    ground.simulated.set_faults({.failed_accept = 10'000});
    connect(local);
    EXPECT_EQ(observer.times("paused " + std::to_string(EMFILE)), 1U);
    ground.simulated.set_faults({});

    first.reset();
    ground.pass(opening_watch_delay);
    settle();

    EXPECT_EQ(relay->totals().connections_total, 2U);
}

// ---- drain --------------------------------------------------------------------------------------

TEST_F(ServingRelay, StopsAtOnceWhenNothingIsOpen) {
    relay->request_drain();
    settle();

    EXPECT_EQ(observer.finishes, std::vector{Finish::stopped});
    EXPECT_EQ(server().read(), "bye");
    EXPECT_TRUE(server().saw_end());
    EXPECT_TRUE(observer.ends.empty());
}

TEST_F(ServingRelay, LetsOpenConnectionsFinishBeforeItStops) {
    Peer client = connect(local);
    push(ssh::ChannelOpened{ssh::LocalChannelId{0}});

    relay->request_drain();
    pass(drain_quiet / 2);
    EXPECT_FALSE(ground.network.connect(local).has_value());
    client.write("last words");
    client.shut_down();
    settle();
    EXPECT_TRUE(observer.finishes.empty());
    push(ssh::ChannelEof{ssh::LocalChannelId{0}});

    EXPECT_EQ(observer.finishes, std::vector{Finish::stopped});
    EXPECT_TRUE(client.saw_end());
}

TEST_F(ServingRelay, TellsHowManyConnectionsItWaitsFor) {
    connect(local);
    connect(local);

    relay->request_drain();
    settle();

    EXPECT_EQ(observer.times("draining 2"), 1U);
}

TEST_F(ServingRelay, ResetsWhatIsOpenWhenNothingMovesAnyMore) {
    const Peer client = connect(local);
    push(ssh::ChannelOpened{ssh::LocalChannelId{0}});

    relay->request_drain();
    pass(drain_quiet - drain_look_interval);
    EXPECT_TRUE(observer.finishes.empty());
    pass(3 * drain_look_interval);

    EXPECT_EQ(observer.finishes, std::vector{Finish::stopped});
    EXPECT_TRUE(client.saw_reset());
}

TEST_F(ServingRelay, WaitsForItsWholePatienceWhileBytesMove) {
    Peer client = connect(local);
    push(ssh::ChannelOpened{ssh::LocalChannelId{0}});

    relay->request_drain();
    for (milliseconds passed{0}; passed < drain_patience - drain_quiet; passed += drain_quiet / 2) {
        client.write("still here");
        pass(drain_quiet / 2);
    }
    EXPECT_TRUE(observer.finishes.empty());
    EXPECT_FALSE(client.saw_reset());
    client.write("still here");
    pass(drain_quiet / 2);
    client.write("still here");
    pass(drain_quiet / 2 + drain_look_interval);

    EXPECT_TRUE(client.saw_reset());
    EXPECT_EQ(observer.finishes, std::vector{Finish::stopped});
}

TEST_F(ServingRelay, WaitsUntilTheServerHasPassedOnWhatItGot) {
    session().channels_used = 1;

    relay->request_drain();
    pass(drain_quiet / 2);
    EXPECT_TRUE(observer.finishes.empty());
    session().channels_used = 0;
    server().write("!");
    settle();

    EXPECT_EQ(observer.finishes, std::vector{Finish::stopped});
}

TEST_F(ServingRelay, DoesNotWaitForAServerThatIsStill) {
    session().channels_used = 1;

    relay->request_drain();
    pass(drain_quiet + 2 * drain_look_interval);

    EXPECT_EQ(observer.finishes, std::vector{Finish::stopped});
    EXPECT_EQ(observer.times("draining 0"), 0U);
}

TEST_F(ServingRelay, WhatASlowLineStillHasToCarryMoves) {
    session().channels_used = 1;
    session().outbox_claimed_bytes = 100'000;

    relay->request_drain();
    for (int count = 0; count < 6; ++count) {
        session().outbox_claimed_bytes -= 10'000;
        pass(drain_quiet / 2);
    }

    EXPECT_TRUE(observer.finishes.empty());
    session().channels_used = 0;
}

TEST_F(ServingRelay, KeepalivesAreNotBytesThatMove) {
    session().channels_used = 1;

    relay->request_drain();
    for (int count = 0; count < 12 && observer.finishes.empty(); ++count) {
        session().outbox_claimed_bytes = count % 2 == 0 ? 100 : 0;
        pass(drain_quiet / 4);
    }

    EXPECT_EQ(observer.finishes, std::vector{Finish::stopped});
}

TEST_F(RelayTest, WithoutPatienceADrainIsAReset) {
    forward({local});
    drain_timeout = milliseconds{0};
    start();
    const Peer client = connect(local);
    push(ssh::ChannelOpened{ssh::LocalChannelId{0}});

    relay->request_drain();
    settle();

    EXPECT_TRUE(client.saw_reset());
    EXPECT_EQ(observer.finishes, std::vector{Finish::stopped});
    EXPECT_EQ(observer.times("draining 1"), 0U);
}

TEST_F(RelayTest, PatienceIsWhatTheUserWants) {
    forward({local});
    drain_timeout = drain_quiet / 2;
    start();
    const Peer client = connect(local);
    push(ssh::ChannelOpened{ssh::LocalChannelId{0}});

    relay->request_drain();
    pass(drain_timeout - drain_look_interval);
    EXPECT_FALSE(client.saw_reset());
    pass(2 * drain_look_interval);

    EXPECT_TRUE(client.saw_reset());
    EXPECT_EQ(observer.finishes, std::vector{Finish::stopped});
}

TEST_F(RelayTest, StopsAtOnceWhileItDials) {
    ground.loop.silent.insert(ssh_address.to_string());
    forward({local});
    start();

    relay->request_drain();
    settle();

    EXPECT_EQ(observer.finishes, std::vector{Finish::stopped});
    EXPECT_TRUE(observer.ends.empty());
}

TEST_F(RelayTest, StopsAtOnceWhileAQuestionIsOpen) {
    factory.prepare = [](FakeSession& session) {
        session.events.push_back(ssh::HostKeyReceived{});
    };
    forward({local});
    start();
    EXPECT_EQ(factory.desk.questions.size(), 1U);

    relay->request_drain();
    settle();

    EXPECT_EQ(observer.finishes, std::vector{Finish::stopped});
    EXPECT_EQ(factory.desk.policies, 0U);
}

TEST_F(ServingRelay, TellsOfASessionThatDiesWhileItDrains) {
    const Peer client = connect(local);
    push(ssh::ChannelOpened{ssh::LocalChannelId{0}});
    relay->request_drain();
    settle();

    server().shut_down();
    settle();

    EXPECT_EQ(observer.finishes, std::vector{Finish::session_ended});
    EXPECT_EQ(observer.ends.size(), 1U);
    EXPECT_TRUE(client.saw_reset());
}

// ---- abort --------------------------------------------------------------------------------------

TEST_F(ServingRelay, ResetsEverythingAtOnceWhenAborted) {
    const Peer client = connect(local);
    push(ssh::ChannelOpened{ssh::LocalChannelId{0}});

    relay->request_abort();
    settle();

    EXPECT_TRUE(client.saw_reset());
    EXPECT_EQ(observer.finishes, std::vector{Finish::stopped});
}

TEST_F(ServingRelay, CanBeAbortedWhileItDrains) {
    const Peer client = connect(local);
    relay->request_drain();
    settle();
    EXPECT_TRUE(observer.finishes.empty());

    relay->request_abort();
    settle();

    EXPECT_TRUE(client.saw_reset());
    EXPECT_EQ(observer.finishes, std::vector{Finish::stopped});
}

TEST_F(ServingRelay, CanBeAskedToDrainAndToAbortInOneTurn) {
    connect(local);

    relay->request_drain();
    relay->request_abort();
    settle();

    EXPECT_EQ(observer.finishes, std::vector{Finish::stopped});
}

// ---- the session ends ---------------------------------------------------------------------------

TEST_F(ServingRelay, ResetsItsClientsAndSaysWhyWhenTheSessionDies) {
    const Peer open = connect(local);
    push(ssh::ChannelOpened{ssh::LocalChannelId{0}});
    const Peer opening = connect(local);

    server().reset();
    settle();

    EXPECT_TRUE(open.saw_reset());
    EXPECT_TRUE(opening.saw_reset());
    ASSERT_EQ(observer.ends.size(), 1U);
    EXPECT_EQ(observer.ends[0].os_error, ECONNRESET);
    EXPECT_EQ(observer.finishes, std::vector{Finish::session_ended});
    EXPECT_FALSE(ground.network.connect(local).has_value());
}

TEST_F(RelayTest, SaysWhyItCouldNotConnect) {
    destination.addresses = {address_of("10.0.0.9", 22)};
    forward({local});

    start();

    ASSERT_EQ(observer.ends.size(), 1U);
    EXPECT_EQ(observer.ends[0].os_error, ECONNREFUSED);
    EXPECT_EQ(observer.finishes, std::vector{Finish::session_ended});
}

TEST_F(RelayTest, FinishesWithoutWaitingWhenThereIsNoMemory) {
    ground.loop.has_memory = false;
    forward({local});
    make();

    relay->run();

    EXPECT_FALSE(ground.simulated.is_stalled());
    EXPECT_EQ(observer.finishes, std::vector{Finish::no_memory});
}

}  // namespace
}  // namespace caponier::relay
