// Accepting, and what happens when descriptors run out.

#include "engine/relay/listener.h"

#include <cerrno>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "engine/relay/limits.h"
#include "tests/unit/relay/ground.h"

namespace caponier::relay {
namespace {

using std::chrono::milliseconds;

constexpr sim::Faults no_descriptors{.failed_accept = 10'000};

class ListenerTest : public testing::Test, public Listener::User {
  protected:
    ListenerTest() {
        io::IoResult<io::Socket> socket = ground.loop.listen(address, {});
        listener = std::make_unique<Listener>(ground.loop, *this, std::move(*socket), target);
    }
    ~ListenerTest() override {
        listener->close();
        ground.pass(std::chrono::seconds{10});
    }

    void accepted(io::Socket&& socket, const Target& to) noexcept override {
        sockets.push_back(std::move(socket));
        targets.push_back(&to);
    }
    void accept_paused(int os_error) noexcept override { pauses.push_back(os_error); }
    void listener_closed() noexcept override { ++closes; }

    const io::Address address = address_of("127.0.0.1", 8080);
    const Target target{"db.internal", 5432};
    Ground ground;
    std::unique_ptr<Listener> listener;
    std::vector<io::Socket> sockets;
    std::vector<const Target*> targets;
    std::vector<int> pauses;
    int closes = 0;
};

TEST_F(ListenerTest, HandsOverEveryConnectionWithItsTarget) {
    listener->start();

    static_cast<void>(ground.network.connect(address));
    ground.settle();
    static_cast<void>(ground.network.connect(address));
    ground.settle();

    EXPECT_EQ(targets, (std::vector{&target, &target}));
    EXPECT_EQ(listener->address().to_string(), "127.0.0.1:8080");
}

TEST_F(ListenerTest, PausesWithoutSpinningWhileThereAreNoDescriptors) {
    ground.simulated.set_faults(no_descriptors);
    listener->start();
    static_cast<void>(ground.network.connect(address));

    ground.pass(10 * accept_pause);

    EXPECT_LE(ground.loop.accepts, 12U);
    EXPECT_GE(ground.loop.accepts, 9U);
    EXPECT_EQ(pauses, std::vector{EMFILE});
}

TEST_F(ListenerTest, AcceptsTheWaitingClientWhenThePauseIsOver) {
    ground.simulated.set_faults(no_descriptors);
    listener->start();
    static_cast<void>(ground.network.connect(address));
    ground.settle();
    ground.simulated.set_faults({});

    ground.pass(accept_pause - milliseconds{1});
    EXPECT_TRUE(sockets.empty());
    ground.pass(milliseconds{2});

    EXPECT_EQ(sockets.size(), 1U);
}

TEST_F(ListenerTest, EndsThePauseAtOnceWhenADescriptorIsFree) {
    ground.simulated.set_faults(no_descriptors);
    listener->start();
    static_cast<void>(ground.network.connect(address));
    ground.settle();
    ground.simulated.set_faults({});

    listener->resume();
    ground.settle();

    EXPECT_EQ(sockets.size(), 1U);
}

TEST_F(ListenerTest, KeepsAcceptingWhenItIsResumedWithoutAPause) {
    listener->start();
    ground.settle();

    listener->resume();
    static_cast<void>(ground.network.connect(address));
    ground.settle();

    EXPECT_EQ(sockets.size(), 1U);
    EXPECT_EQ(ground.loop.accepts, 1U);
}

TEST_F(ListenerTest, TellsOfAShortageThatComesAndGoesOnlyEverySoOften) {
    ground.simulated.set_faults(no_descriptors);
    listener->start();
    static_cast<void>(ground.network.connect(address));
    ground.settle();
    ground.simulated.set_faults({});
    listener->resume();
    ground.settle();

    ground.simulated.set_faults(no_descriptors);
    static_cast<void>(ground.network.connect(address));
    ground.settle();
    EXPECT_EQ(pauses, std::vector{EMFILE});

    ground.pass(accept_report_interval);
    static_cast<void>(ground.network.connect(address));
    ground.settle();
    EXPECT_EQ(pauses, (std::vector{EMFILE, EMFILE}));
}

TEST_F(ListenerTest, ClosesWhileItAccepts) {
    listener->start();
    ground.settle();

    listener->close();
    ground.settle();

    EXPECT_EQ(closes, 1);
    EXPECT_FALSE(ground.network.connect(address).has_value());
}

TEST_F(ListenerTest, ClosesDuringAPause) {
    ground.simulated.set_faults(no_descriptors);
    listener->start();
    static_cast<void>(ground.network.connect(address));
    ground.settle();

    listener->close();
    ground.settle();

    EXPECT_EQ(closes, 1);
    EXPECT_EQ(ground.simulated.in_flight(), 0U);
}

TEST_F(ListenerTest, ClosesBeforeItWasStarted) {
    listener->close();
    ground.settle();

    EXPECT_EQ(closes, 1);
}

TEST_F(ListenerTest, IsClosedOnce) {
    listener->start();

    listener->close();
    listener->close();
    ground.settle();

    EXPECT_EQ(closes, 1);
}

// A client whose connection stands must not see it end cleanly unserved.
TEST_F(ListenerTest, HandsOverAConnectionThatStoodWhenItWasClosed) {
    listener->start();
    ground.settle();
    Peer client{ground.network, ground.network.connect(address).value_or(-1)};

    listener->close();
    ground.settle();

    EXPECT_EQ(sockets.size(), 1U);
    EXPECT_FALSE(client.saw_end());
    EXPECT_EQ(closes, 1);
}

}  // namespace
}  // namespace caponier::relay
