// What is true of UringLoop alone, beyond the contract suite: one system call a turn, a submission
// queue of any length, setup flags that are missing, and buffers that idle connections do not hold.
// What happens where io_uring is refused is tested in uring_refused_test.cpp.

#include "engine/io/uring_loop.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <gtest/gtest.h>

namespace caponier::io {
namespace {

/// An operation and what it came to.
class Operation {
  public:
    Operation() noexcept { completion.bind<&Operation::on_done>(*this); }

    Completion completion;
    int calls = 0;
    Outcome last;
    /// Called at the end of each callback.
    std::function<void()> then = [] {};

  private:
    void on_done(Outcome& outcome) noexcept {
        ++calls;
        last = std::move(outcome);
        then();
    }
};

/// Accepts for as long as it is told to.
class Acceptor {
  public:
    Acceptor() noexcept { completion.bind<&Acceptor::on_accepted>(*this); }

    Completion completion;
    std::vector<Socket> accepted;
    int error = 0;

  private:
    void on_accepted(Outcome& outcome) noexcept {
        if (outcome.socket) {
            accepted.push_back(std::move(outcome.socket));
        }
        error = outcome.error;
    }
};

std::span<const std::byte> bytes_of_text(std::string_view text) {
    return std::as_bytes(std::span{text});
}

std::string text_of(const Lease& lease) {
    std::string text(lease.bytes().size(), '\0');
    std::memcpy(text.data(), lease.bytes().data(), text.size());
    return text;
}

/// A loop, a listener of it, and connections from the loop to itself.
class Rig {
  public:
    explicit Rig(const UringOptions& options = {}) {
        tl::expected<std::unique_ptr<UringLoop>, std::string> made = UringLoop::make(options);
        if (!made) {
            ADD_FAILURE() << made.error();
            std::abort();
        }
        loop = std::move(*made);
        listener = std::move(*loop->listen(*Address::ip("127.0.0.1", 0)));
        loop->accept(listener, acceptor.completion);
    }
    Rig(const Rig&) = delete;
    Rig& operator=(const Rig&) = delete;
    ~Rig() {
        Operation closing;
        loop->close(std::move(listener), closing.completion);
        turn_until([&] { return closing.calls == 1 && !acceptor.completion.in_flight(); });
    }

    /// Runs turns until `is_done`, each of which may enter the kernel once; gives up after many.
    template <typename Condition>
    void turn_until(const Condition& is_done) {
        constexpr int turns_max = 100'000;
        for (int turn = 0; !is_done(); ++turn) {
            ASSERT_LT(turn, turns_max);
            const std::uint64_t before = loop->enters();
            loop->run_once();
            EXPECT_LE(loop->enters() - before, 1U);
        }
    }

    /// Both ends of a new connection: {ours, accepted}.
    std::pair<Socket, Socket> connect() {
        Operation connecting;
        loop->connect(loop->local_address(listener), connecting.completion);
        turn_until([&] { return connecting.calls == 1 && !acceptor.accepted.empty(); });
        EXPECT_EQ(connecting.last.error, 0);
        Socket accepted = std::move(acceptor.accepted.back());
        acceptor.accepted.pop_back();
        return {std::move(connecting.last.socket), std::move(accepted)};
    }

    void send(const Socket& socket, std::string_view text) {
        Operation sending;
        const std::array pieces{piece_of(bytes_of_text(text))};
        loop->send(socket, pieces, sending.completion);
        turn_until([&] { return sending.calls == 1; });
        EXPECT_EQ(sending.last.bytes, text.size());
    }

    void close(Socket&& socket) {
        Operation closing;
        loop->close(std::move(socket), closing.completion);
        turn_until([&] { return closing.calls == 1; });
    }

    std::unique_ptr<UringLoop> loop;
    Socket listener;
    Acceptor acceptor;
};

constexpr BufferPool::Shape small_pool{.buffers = 2, .buffer_bytes = 4096, .headroom_bytes = 64};

void expect_echo(Rig& rig) {
    const auto pool = std::move(*rig.loop->make_pool(small_pool));
    auto [near, far] = rig.connect();
    Operation receiving;
    rig.loop->receive(far, *pool, 4096, receiving.completion);
    rig.send(near, "through the ring");
    rig.turn_until([&] { return receiving.calls == 1; });
    EXPECT_EQ(text_of(receiving.last.buffer), "through the ring");
    receiving.last.buffer.reset();
    rig.close(std::move(near));
    rig.close(std::move(far));
}

TEST(UringLoop, EntersTheKernelExactlyOnceATurn) {
    // given
    Rig rig;
    Operation timer;
    rig.loop->wait_until(rig.loop->now() + std::chrono::milliseconds{1}, timer.completion);
    auto [near, far] = rig.connect();
    const std::uint64_t before = rig.loop->enters();

    // when
    constexpr std::uint64_t turns = 100;
    for (std::uint64_t turn = 0; turn < turns; ++turn) {
        Operation sending;
        const std::array pieces{piece_of(bytes_of_text("x"))};
        rig.loop->send(near, pieces, sending.completion);
        rig.loop->run_once(turn % 2 == 0);
        EXPECT_EQ(sending.calls, 1);
    }

    // then
    EXPECT_EQ(rig.loop->enters() - before, turns);
    rig.turn_until([&] { return timer.calls == 1; });
}

TEST(UringLoop, CarriesMoreOperationsThanItsQueuesHold) {
    // given
    Rig rig{{.submissions_max = 2, .completions_max = 4}};
    const auto pool =
        std::move(*rig.loop->make_pool({.buffers = 64, .buffer_bytes = 64, .headroom_bytes = 0}));
    constexpr std::size_t connections = 50;
    std::vector<std::pair<Socket, Socket>> pairs;
    for (std::size_t i = 0; i < connections; ++i) {
        pairs.push_back(rig.connect());
    }

    // when
    std::vector<Operation> receiving(connections);
    std::vector<Operation> sending(connections);
    const std::array pieces{piece_of(bytes_of_text("y"))};
    for (std::size_t i = 0; i < connections; ++i) {
        rig.loop->receive(pairs[i].second, *pool, 1, receiving[i].completion);
        rig.loop->send(pairs[i].first, pieces, sending[i].completion);
    }
    rig.turn_until([&] {
        return std::ranges::all_of(receiving,
                                   [](const Operation& each) { return each.calls == 1; });
    });

    // then
    for (std::size_t i = 0; i < connections; ++i) {
        EXPECT_EQ(sending[i].calls, 1);
        EXPECT_EQ(text_of(receiving[i].last.buffer), "y");
    }
    // All close at once, in a queue of two.
    std::vector<Operation> closing(2 * connections);
    for (std::size_t i = 0; i < connections; ++i) {
        rig.loop->close(std::move(pairs[i].first), closing[2 * i].completion);
        rig.loop->close(std::move(pairs[i].second), closing[2 * i + 1].completion);
    }
    rig.turn_until([&] {
        return std::ranges::all_of(closing, [](const Operation& each) { return each.calls == 1; });
    });
}

TEST(UringLoop, GoesOnAcceptingWhenTheKernelEndsTheMultishot) {
    // given a completion queue that many connections at once overflow, which ends a multishot
    Rig rig{{.submissions_max = 2, .completions_max = 2}};
    const Address address = rig.loop->local_address(rig.listener);
    constexpr std::size_t connections = 200;
    std::vector<Socket> peers;

    // when
    for (std::size_t i = 0; i < connections; ++i) {
        Socket& peer = peers.emplace_back(::socket(AF_INET, SOCK_STREAM, 0));
        ASSERT_EQ(::connect(peer.fd(), address.data(), address.size()), 0);
    }

    // then
    rig.turn_until([&] { return rig.acceptor.accepted.size() == connections; });
    EXPECT_EQ(rig.acceptor.error, 0);
}

TEST(UringLoop, AcceptedSocketsHaveNoDelaySet) {
    Rig rig;

    auto [near, far] = rig.connect();

    for (const Socket* socket : {&near, &far}) {
        int value = 0;
        socklen_t length = sizeof value;
        ASSERT_EQ(::getsockopt(socket->fd(), IPPROTO_TCP, TCP_NODELAY, &value, &length), 0);
        EXPECT_NE(value, 0);
    }
}

TEST(UringLoop, IdleConnectionsHoldNoBuffer) {
    // given two buffers and many receives
    Rig rig;
    const auto pool = std::move(*rig.loop->make_pool(small_pool));
    constexpr std::size_t connections = 64;
    std::vector<std::pair<Socket, Socket>> pairs;
    std::vector<Operation> receiving(connections);
    for (std::size_t i = 0; i < connections; ++i) {
        pairs.push_back(rig.connect());
        rig.loop->receive(pairs[i].second, *pool, 4096, receiving[i].completion);
    }
    rig.loop->run_once(false);
    EXPECT_EQ(pool->available(), small_pool.buffers);

    // when bytes come on one connection after the other, then each finds a buffer
    for (std::size_t i = 0; i < connections; ++i) {
        rig.send(pairs[i].first, "hello");
        rig.turn_until([&] { return receiving[i].calls == 1; });
        EXPECT_EQ(text_of(receiving[i].last.buffer), "hello");
        EXPECT_EQ(pool->available(), small_pool.buffers - 1);
        receiving[i].last.buffer.reset();
    }
}

TEST(UringLoop, AReturnedBufferFindsTheReceiveThatHasBytes) {
    // given a pool that is empty, and receives that wait for it, the first of them without bytes
    Rig rig;
    const auto pool =
        std::move(*rig.loop->make_pool({.buffers = 1, .buffer_bytes = 64, .headroom_bytes = 0}));
    auto [holder_near, holder_far] = rig.connect();
    auto [idle_near, idle_far] = rig.connect();
    auto [busy_near, busy_far] = rig.connect();
    Operation holding;
    rig.loop->receive(holder_far, *pool, 64, holding.completion);
    rig.send(holder_near, "held");
    rig.turn_until([&] { return holding.calls == 1; });
    Operation idle;
    Operation busy;
    rig.loop->receive(idle_far, *pool, 64, idle.completion);
    rig.loop->receive(busy_far, *pool, 64, busy.completion);
    rig.send(busy_near, "wanted");
    rig.loop->run_once(false);
    EXPECT_EQ(busy.calls, 0);
    EXPECT_EQ(pool->available(), 0U);

    // when
    holding.last.buffer.reset();

    // then
    rig.turn_until([&] { return busy.calls == 1; });
    EXPECT_EQ(text_of(busy.last.buffer), "wanted");
    EXPECT_EQ(idle.calls, 0);
    busy.last.buffer.reset();

    // and the loop sleeps again, instead of feeding the idle one over and over
    Operation timer;
    rig.loop->wait_until(rig.loop->now() + std::chrono::milliseconds{20}, timer.completion);
    const std::uint64_t before = rig.loop->enters();
    rig.turn_until([&] { return timer.calls == 1; });
    EXPECT_LE(rig.loop->enters() - before, 5U);
    Operation closing;
    rig.loop->close(std::move(idle_far), closing.completion);
    rig.turn_until([&] { return closing.calls == 1; });
    EXPECT_EQ(idle.last.error, ECANCELED);
}

TEST(UringLoop, AFinDoesNotEndTheWatchForAHangup) {
    // given a peer that has ended its direction already, and one that will
    Rig rig;
    auto [near, far] = rig.connect();
    Operation early_end;
    rig.loop->shutdown(near, early_end.completion);
    rig.turn_until([&] { return early_end.calls == 1; });

    // when
    Operation watching;
    rig.loop->watch_hangup(far, watching.completion);
    for (int turn = 0; turn < 20; ++turn) {
        rig.loop->run_once(false);
    }

    // then it neither completes nor keeps the loop busy
    EXPECT_EQ(watching.calls, 0);
    Operation timer;
    rig.loop->wait_until(rig.loop->now() + std::chrono::milliseconds{20}, timer.completion);
    const std::uint64_t before = rig.loop->enters();
    rig.turn_until([&] { return timer.calls == 1; });
    EXPECT_LE(rig.loop->enters() - before, 3U);

    // and our own end makes it complete in order
    Operation late_end;
    rig.loop->shutdown(far, late_end.completion);
    rig.turn_until([&] { return watching.calls == 1; });
    EXPECT_EQ(watching.last.error, 0);
}

/// A socket is closed, and another thread gets its number from the kernel and hands it to this loop
/// by a letter, which the loop reads before it hears of the close. Without DEFER_TASKRUN the wakeup
/// is in the queue before the kernel gets the close; with it, when a turn leaves completions over.
class NumberUsedAgain : public testing::Test {
  protected:
    NumberUsedAgain() {
        letter.bind<&NumberUsedAgain::on_letter>(*this);
        const Address address = rig.loop->local_address(elsewhere_);
        client = Socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        EXPECT_EQ(::connect(client.fd(), address.data(), address.size()), 0);
    }

    void expect_the_number_comes_back() {
        rig.turn_until([&] { return closing.calls == 1 && brought_ >= 0; });
        EXPECT_EQ(closing.last.error, 0);
        EXPECT_EQ(brought_, number_);
    }

    Rig rig{{.forbidden_flags = IORING_SETUP_DEFER_TASKRUN}};
    std::pair<Socket, Socket> pair = rig.connect();
    Socket client;
    Operation closing;
    Completion letter;
    std::function<void(Socket&&)> use;  ///< what becomes of the new socket

  private:
    void on_letter(Outcome&) noexcept {
        Socket again{::accept4(elsewhere_.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
        brought_ = again.fd();
        use(std::move(again));
    }

    Socket elsewhere_ = std::move(*rig.loop->listen(*Address::ip("127.0.0.1", 0)));
    const int number_ = pair.first.fd();
    int brought_ = -1;
};

TEST_F(NumberUsedAgain, MayBeClosedAtOnce) {
    Operation ending;
    use = [&](Socket&& socket) { rig.loop->reset(std::move(socket), ending.completion); };

    rig.loop->close(std::move(pair.first), closing.completion);
    rig.loop->post(letter);

    expect_the_number_comes_back();
    rig.turn_until([&] { return ending.calls == 1; });
    char byte = 0;
    EXPECT_EQ(::recv(client.fd(), &byte, 1, 0), -1);
    EXPECT_EQ(errno, ECONNRESET);
}

TEST_F(NumberUsedAgain, HasNothingOfTheConnectionBefore) {
    // given one that is closed while two operations learn that it was reset
    const auto pool = std::move(*rig.loop->make_pool(small_pool));
    Operation receiving;
    Operation watching;
    Operation resetting;
    receiving.then = watching.then = [&] {
        if (pair.first) {
            rig.loop->close(std::move(pair.first), closing.completion);
        } else {
            rig.loop->post(letter);
        }
    };
    rig.loop->receive(pair.first, *pool, 1, receiving.completion);
    rig.loop->watch_hangup(pair.first, watching.completion);
    Operation ending;
    Socket again;
    use = [&](Socket&& socket) {
        again = std::move(socket);
        rig.loop->receive(again, *pool, 1, ending.completion);
    };

    // when
    rig.loop->reset(std::move(pair.second), resetting.completion);
    expect_the_number_comes_back();
    ::shutdown(client.fd(), SHUT_WR);

    // then the new one ends in order
    rig.turn_until([&] { return ending.calls == 1; });
    EXPECT_EQ(ending.last.bytes, 0U);
    EXPECT_EQ(ending.last.error, 0);
}

struct MaskedFlag {
    std::uint32_t bit;
    const char* name;
};

class UringLoopWithout : public testing::TestWithParam<MaskedFlag> {};

TEST_P(UringLoopWithout, WorksAndSaysWhatIsMissing) {
    // given
    Rig rig{{.forbidden_flags = GetParam().bit}};

    // when
    expect_echo(rig);

    // then
    const std::string line = rig.loop->describe();
    const std::size_t without = line.find(", without ");
    ASSERT_NE(without, std::string::npos) << line;
    EXPECT_NE(line.find(GetParam().name, without), std::string::npos) << line;
}

INSTANTIATE_TEST_SUITE_P(EachFlag,
                         UringLoopWithout,
                         testing::Values(MaskedFlag{IORING_SETUP_DEFER_TASKRUN, "DEFER_TASKRUN"},
                                         MaskedFlag{IORING_SETUP_SINGLE_ISSUER, "SINGLE_ISSUER"},
                                         MaskedFlag{IORING_SETUP_SUBMIT_ALL, "SUBMIT_ALL"},
                                         MaskedFlag{IORING_SETUP_CLAMP, "CLAMP"},
                                         MaskedFlag{IORING_SETUP_CQSIZE, "CQSIZE"}),
                         [](const testing::TestParamInfo<MaskedFlag>& flag) {
                             return std::string{flag.param.name};
                         });

TEST(UringLoop, WorksWithoutAnyFlag) {
    Rig rig{{.forbidden_flags = ~std::uint32_t{0}}};

    expect_echo(rig);

    EXPECT_EQ(rig.loop->describe().find("io_uring (no flags, without "), 0U);
}

}  // namespace
}  // namespace caponier::io
