// SimLoop's own promises: each fault does what faults.h says, a seed is a run, a deadlock is told.
// That it keeps the contract of loop.h is tests/loop's business.

#include "tests/sim/sim_loop.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/sim/sim_network.h"

namespace caponier::sim {

namespace {

using std::chrono::milliseconds;

/// An operation that remembers what it came to.
struct Recorded {
    Recorded() { completion.bind<&Recorded::on_done>(*this); }

    void on_done(io::Outcome& outcome) noexcept {
        ++calls;
        error = outcome.error;
        bytes = outcome.bytes;
        more = outcome.more;
        content.assign(outcome.buffer.bytes().begin(), outcome.buffer.bytes().end());
        if (outcome.socket) {
            socket = std::move(outcome.socket);
        }
    }

    io::Completion completion;
    int calls = 0;
    int error = 0;
    std::size_t bytes = 0;
    bool more = false;
    std::vector<std::byte> content;
    io::Socket socket;
};

/// A connection of a loop with itself, and a thousand bytes to send.
class SimLoopTest : public testing::Test {
  protected:
    SimLoopTest() {
        pool_ = std::move(*loop_.make_pool({.buffers = 4, .buffer_bytes = 4096}));
        listener_ = std::move(*loop_.listen(*io::Address::ip("127.0.0.1", 0)));
        loop_.accept(listener_, accept_.completion);
        loop_.connect(loop_.local_address(listener_), connect_.completion);
        while (!accept_.socket || !connect_.socket) {
            loop_.run_once();
        }
        near_ = std::move(connect_.socket);
        far_ = std::move(accept_.socket);
    }

    ~SimLoopTest() override {
        loop_.set_faults({});
        Recorded closing_near;
        Recorded closing_far;
        Recorded closing_listener;
        loop_.close(std::move(near_), closing_near.completion);
        loop_.close(std::move(far_), closing_far.completion);
        loop_.close(std::move(listener_), closing_listener.completion);
        while (loop_.in_flight() > 0 && loop_.run_once() > 0) {
        }
        EXPECT_EQ(loop_.in_flight(), 0U);
        EXPECT_EQ(loop_.leases_out(), 0U);
        EXPECT_EQ(network_.sockets_open(), 0U);
    }

    void run_until(const Recorded& recorded) {
        const int calls = recorded.calls;
        while (recorded.calls == calls && loop_.run_once() > 0) {
        }
    }

    void send_thousand() {
        loop_.send(near_, piece_, send_.completion);
        run_until(send_);
    }

    SimNetwork network_{7};
    SimLoop loop_{network_};
    std::unique_ptr<io::BufferPool> pool_;
    io::Socket listener_;
    io::Socket near_;
    io::Socket far_;
    Recorded accept_;
    Recorded connect_;
    Recorded send_;
    Recorded receive_;
    std::array<std::byte, 1000> thousand_{std::byte{1}, std::byte{2}, std::byte{3}};
    std::array<io::Piece, 1> piece_{io::piece_of(thousand_)};
};

TEST_F(SimLoopTest, WithoutFaultsEverythingArrivesAtOnce) {
    send_thousand();

    loop_.receive(far_, *pool_, 4096, receive_.completion);
    run_until(receive_);

    EXPECT_EQ(send_.bytes, 1000U);
    EXPECT_EQ(receive_.content, std::vector<std::byte>(thousand_.begin(), thousand_.end()));
}

TEST_F(SimLoopTest, APartialSendTakesSomeBytesButNotNone) {
    loop_.set_faults({.partial_send = 10'000});

    send_thousand();

    EXPECT_GT(send_.bytes, 0U);
    EXPECT_LT(send_.bytes, 1000U);
}

TEST_F(SimLoopTest, APartialReceiveBringsTheFrontOfWhatArrived) {
    send_thousand();
    loop_.set_faults({.partial_receive = 10'000});

    loop_.receive(far_, *pool_, 4096, receive_.completion);
    run_until(receive_);

    EXPECT_GT(receive_.bytes, 0U);
    EXPECT_LT(receive_.bytes, 1000U);
    EXPECT_EQ(receive_.content[0], std::byte{1});
}

TEST_F(SimLoopTest, AFullSocketRefusesAnImmediateSend) {
    loop_.set_faults({.full_at_once = 10'000});

    loop_.send_immediately(near_, piece_, send_.completion);
    run_until(send_);

    EXPECT_EQ(send_.error, EAGAIN);
    EXPECT_EQ(send_.bytes, 0U);
}

TEST_F(SimLoopTest, ALateCompletionTakesVirtualTime) {
    loop_.set_faults({.late_completion = 10'000, .late_max = milliseconds{50}});
    const io::TimePoint before = loop_.now();

    send_thousand();

    EXPECT_EQ(send_.bytes, 1000U);
    EXPECT_GT(loop_.now() - before, milliseconds{1});
    EXPECT_LT(loop_.now() - before, milliseconds{101});
}

TEST_F(SimLoopTest, AFailedReceiveEndsTheConnectionForBothSides) {
    send_thousand();
    loop_.set_faults({.failed_receive = 10'000});

    loop_.receive(far_, *pool_, 4096, receive_.completion);
    run_until(receive_);
    send_thousand();

    EXPECT_TRUE(receive_.error == ECONNRESET || receive_.error == ETIMEDOUT);
    EXPECT_EQ(send_.error, ECONNRESET);
}

TEST_F(SimLoopTest, AFailedSendTakesNothing) {
    loop_.set_faults({.failed_send = 10'000});

    send_thousand();

    EXPECT_TRUE(send_.error == ECONNRESET || send_.error == ETIMEDOUT);
    EXPECT_EQ(send_.bytes, 0U);
}

TEST_F(SimLoopTest, AConnectionThatIsResetTellsItsWatch) {
    Recorded watch;
    loop_.watch_hangup(near_, watch.completion);
    send_thousand();
    loop_.set_faults({.reset_by_peer = 10'000});

    loop_.receive(far_, *pool_, 4096, receive_.completion);
    run_until(watch);

    EXPECT_EQ(watch.error, ECONNRESET);
}

TEST_F(SimLoopTest, ARefusedConnectSaysSo) {
    loop_.set_faults({.refused_connect = 10'000});

    Recorded connect;
    loop_.connect(loop_.local_address(listener_), connect.completion);
    run_until(connect);

    EXPECT_TRUE(connect.error == ECONNREFUSED || connect.error == ETIMEDOUT);
    EXPECT_FALSE(connect.socket);
}

TEST_F(SimLoopTest, AFailedAcceptEndsTheMultishotAndKeepsTheConnectionWaiting) {
    loop_.set_faults({.failed_accept = 10'000});
    Recorded connect;
    loop_.connect(loop_.local_address(listener_), connect.completion);
    run_until(accept_);

    EXPECT_EQ(accept_.error, EMFILE);
    EXPECT_FALSE(accept_.more);
    EXPECT_FALSE(accept_.completion.in_flight());

    loop_.set_faults({});
    loop_.accept(listener_, accept_.completion);
    run_until(accept_);

    EXPECT_TRUE(accept_.socket);
    Recorded closing;
    loop_.close(std::move(accept_.socket), closing.completion);
    loop_.close(std::move(connect.socket), connect.completion);
    run_until(closing);
}

TEST_F(SimLoopTest, ACanceledReceiveMayStillBringBytes) {
    loop_.set_faults({.finished_despite_cancel = 10'000, .late_max = milliseconds{1'000}});
    loop_.receive(far_, *pool_, 4096, receive_.completion);
    loop_.run_once(false);

    loop_.cancel(receive_.completion);
    loop_.send(near_, piece_, send_.completion);
    run_until(receive_);

    EXPECT_EQ(receive_.error, 0);
    EXPECT_EQ(receive_.bytes, 1000U);
}

TEST_F(SimLoopTest, AShortPoolMakesAReceiveWait) {
    send_thousand();
    loop_.set_faults({.pool_shortage = 10'000, .late_max = milliseconds{5}});
    loop_.receive(far_, *pool_, 4096, receive_.completion);
    for (int turn = 0; turn < 10; ++turn) {
        loop_.run_once(false);
    }

    EXPECT_EQ(receive_.calls, 0);

    loop_.set_faults({});
    run_until(receive_);

    EXPECT_EQ(receive_.bytes, 1000U);
}

TEST_F(SimLoopTest, AWaitThatCanNeverEndIsTold) {
    loop_.receive(far_, *pool_, 4096, receive_.completion);

    const std::size_t ran = loop_.run_once();

    EXPECT_EQ(ran, 0U);
    EXPECT_TRUE(loop_.is_stalled());
    EXPECT_NE(loop_.describe_in_flight().find("receive"), std::string::npos);
}

TEST_F(SimLoopTest, ABufferThatWasGivenBackIsScribbledOver) {
    struct Keeper {
        Keeper() { completion.bind<&Keeper::on_received>(*this); }
        void on_received(io::Outcome& outcome) noexcept { view = outcome.buffer.bytes(); }
        io::Completion completion;
        std::span<std::byte> view;
    } keeper;
    send_thousand();

    loop_.receive(far_, *pool_, 4096, keeper.completion);
    while (keeper.view.empty()) {
        loop_.run_once();
    }

    EXPECT_EQ(keeper.view[0], std::byte{0xdd});
}

TEST_F(SimLoopTest, BytesThatArrivedSurviveAReset) {
    send_thousand();
    Recorded reset;
    while (loop_.undelivered_bytes(near_) > 0) {
        loop_.run_once();
    }

    loop_.reset(std::move(near_), reset.completion);
    run_until(reset);
    loop_.receive(far_, *pool_, 4096, receive_.completion);
    run_until(receive_);

    EXPECT_EQ(receive_.bytes, 1000U);

    loop_.receive(far_, *pool_, 4096, receive_.completion);
    run_until(receive_);

    EXPECT_EQ(receive_.error, ECONNRESET);
    near_ = std::move(*loop_.listen(*io::Address::ip("127.0.0.1", 0)));
}

TEST_F(SimLoopTest, AResetDropsWhatIsStillUnderWay) {
    std::size_t sent = 0;
    while (send_.error == 0) {
        loop_.send_immediately(near_, piece_, send_.completion);
        run_until(send_);
        sent += send_.bytes;
    }

    Recorded reset;
    loop_.reset(std::move(near_), reset.completion);
    run_until(reset);
    std::size_t received = 0;
    while (receive_.error == 0) {
        loop_.receive(far_, *pool_, 4096, receive_.completion);
        run_until(receive_);
        received += receive_.bytes;
    }

    EXPECT_EQ(receive_.error, ECONNRESET);
    EXPECT_LT(received, sent);
    near_ = std::move(*loop_.listen(*io::Address::ip("127.0.0.1", 0)));
}

TEST_F(SimLoopTest, AUserThatChangesBytesUnderASendIsStopped) {
    const auto change_while_sending = [this] {
        loop_.send(near_, piece_, send_.completion);
        thousand_[0] = std::byte{9};
        loop_.run_once();
    };

    EXPECT_DEATH(change_while_sending(), "broken contract");
}

TEST_F(SimLoopTest, AUserThatReceivesTwiceAtOnceIsStopped) {
    const auto receive_twice = [this] {
        Recorded second;
        loop_.receive(far_, *pool_, 4096, receive_.completion);
        loop_.receive(far_, *pool_, 4096, second.completion);
    };

    EXPECT_DEATH(receive_twice(), "broken contract");
}

/// The trace of sends and receives under every fault that leaves the connection alive.
std::uint64_t trace_of(std::uint64_t seed) {
    SimNetwork network{seed, {.latency_max = milliseconds{3}}};
    SimLoop loop{network,
                 {.partial_receive = 5'000, .partial_send = 5'000, .late_completion = 5'000}};
    const std::unique_ptr<io::BufferPool> pool =
        std::move(*loop.make_pool({.buffers = 4, .buffer_bytes = 4096}));
    io::Socket listener = std::move(*loop.listen(*io::Address::ip("127.0.0.1", 0)));
    Recorded accept;
    Recorded connect;
    loop.accept(listener, accept.completion);
    loop.connect(loop.local_address(listener), connect.completion);
    while (!accept.socket || !connect.socket) {
        loop.run_once();
    }
    const std::array<std::byte, 500> bytes{};
    const std::array<io::Piece, 1> piece{io::piece_of(bytes)};
    Recorded send;
    Recorded receive;
    for (int i = 0; i < 20; ++i) {
        loop.send(connect.socket, piece, send.completion);
        loop.receive(accept.socket, *pool, 4096, receive.completion);
        while (send.calls <= i || receive.calls <= i) {
            loop.run_once();
        }
    }
    loop.close(std::move(accept.socket), receive.completion);
    loop.close(std::move(connect.socket), connect.completion);
    loop.close(std::move(listener), send.completion);
    while (loop.in_flight() > 0) {
        loop.run_once();
    }
    return network.trace().hash();
}

TEST(SimLoop, RunsTheSameWayForTheSameSeed) {
    EXPECT_EQ(trace_of(1), trace_of(1));
    EXPECT_NE(trace_of(1), trace_of(2));
}

TEST(SimLoop, ConnectsTwoLoopsOverOneNetwork) {
    SimNetwork network{1};
    SimLoop server{network};
    SimLoop client{network};
    io::Socket listener = std::move(*server.listen(*io::Address::ip("127.0.0.1", 22)));
    Recorded accept;
    Recorded connect;
    server.accept(listener, accept.completion);
    client.connect(*io::Address::ip("127.0.0.1", 22), connect.completion);

    // While the client waits, the server runs.
    client.run_once();
    server.run_once();

    ASSERT_TRUE(connect.socket);
    ASSERT_TRUE(accept.socket);
    EXPECT_EQ(server.peer_address(accept.socket).port(),
              client.local_address(connect.socket).port());
    Recorded closing;
    Recorded closing_listener;
    client.close(std::move(connect.socket), connect.completion);
    server.close(std::move(accept.socket), closing.completion);
    server.close(std::move(listener), closing_listener.completion);
    while (client.in_flight() + server.in_flight() > 0) {
        client.run_once(false);
        server.run_once(false);
    }
    EXPECT_EQ(network.sockets_open(), 0U);
}

}  // namespace

}  // namespace caponier::sim
