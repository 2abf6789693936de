// Clients that wait, are let in, turned away, or leave by themselves.

#include "engine/relay/waiting_room.h"

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/relay/fakes.h"
#include "tests/unit/relay/ground.h"

namespace caponier::relay {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class WaitingRoomTest : public testing::Test, protected WaitingRoom::User {
  protected:
    WaitingRoomTest() {
        ground.turn = [this] {
            ground.loop.run_once(true);
            room.clean_up();
        };
        listener = *ground.network.listen(address);
    }
    ~WaitingRoomTest() override {
        while (!room.empty()) {
            room.turn_away_first();
        }
        ground.settle();
        EXPECT_TRUE(room.is_idle());
        for (Tunnel& tunnel : inside) {
            ground.network.close(tunnel.socket.release());
        }
        EXPECT_EQ(ground.simulated.in_flight(), 0U);
    }

    void let_in(Tunnel&& tunnel, SessionSlot slot) noexcept override {
        inside.push_back(std::move(tunnel));
        slots.push_back(index_of(slot));
    }
    void left(SessionSlot slot) noexcept override { left_slots.push_back(index_of(slot)); }

    /// A client and the tunnel that was accepted for it.
    Peer arrive(Tunnel& tunnel) {
        Peer client{ground.network, *ground.network.connect(address)};
        tunnel.socket = io::Socket{*ground.network.take_waiting(listener)};
        tunnel.target = &target;
        return client;
    }
    Peer wait(std::chrono::nanoseconds patience = seconds{1}) {
        Tunnel tunnel;
        const Peer client = arrive(tunnel);
        room.add(std::move(tunnel), ground.network.now() + patience);
        ground.settle();
        return client;
    }

    const io::Address address = address_of("127.0.0.1", 8080);
    const Target target{"db.internal", 5432};
    Ground ground;
    int listener = -1;
    WaitingRoom room{ground.loop, *this};
    std::vector<Tunnel> inside;
    std::vector<std::size_t> slots;
    std::vector<std::size_t> left_slots;
};

TEST_F(WaitingRoomTest, LetsInWhoeverCameFirst) {
    Peer first = wait();
    Peer second = wait();
    first.write("one");
    second.write("two");

    room.let_in_first(SessionSlot{7});
    ground.settle();

    EXPECT_EQ(slots, std::vector<std::size_t>{7});
    EXPECT_EQ(text_of(ground.network.read(inside[0].socket.fd(), 3)), "one");
    EXPECT_EQ(room.size(), 1U);
}

TEST_F(WaitingRoomTest, ReadsNothing) {
    Peer client = wait();
    client.write("early");
    client.shut_down();
    ground.settle();

    EXPECT_EQ(ground.loop.receives, 0U);
    EXPECT_EQ(room.size(), 1U);
}

TEST_F(WaitingRoomTest, ForgetsAClientThatLeaves) {
    Peer first = wait();
    Peer second = wait();

    first.reset();
    ground.settle();

    EXPECT_EQ(room.size(), 1U);
    room.let_in_first(SessionSlot{0});
    ground.settle();
    EXPECT_EQ(inside.size(), 1U);
    EXPECT_FALSE(second.saw_reset());
}

TEST_F(WaitingRoomTest, TellsOfAClientThatLeavesAtTheDoor) {
    Peer client = wait();
    ground.simulated.set_faults({.finished_despite_cancel = 10'000, .late_max = milliseconds{1}});

    room.let_in_first(SessionSlot{3});
    client.reset();
    ground.pass(milliseconds{2});

    EXPECT_EQ(left_slots, std::vector<std::size_t>{3});
    EXPECT_TRUE(inside.empty());
    EXPECT_TRUE(room.is_idle());
}

TEST_F(WaitingRoomTest, KnowsWhosePatienceIsOverFirst) {
    EXPECT_EQ(room.first_deadline(), io::TimePoint::max());
    wait(seconds{1});
    wait(seconds{2});

    EXPECT_LT(room.first_deadline(), ground.network.now() + seconds{1});
    room.turn_away_first();
    EXPECT_GT(room.first_deadline(), ground.network.now() + seconds{1});
}

TEST_F(WaitingRoomTest, ResetsWhomItTurnsAway) {
    const Peer waiting = wait();
    Tunnel tunnel;
    const Peer arriving = arrive(tunnel);

    room.turn_away_first();
    room.turn_away(std::move(tunnel));
    EXPECT_TRUE(room.empty());
    EXPECT_FALSE(room.is_idle());
    ground.settle();

    EXPECT_TRUE(waiting.saw_reset());
    EXPECT_TRUE(arriving.saw_reset());
    EXPECT_TRUE(room.is_idle());
}

}  // namespace
}  // namespace caponier::relay
