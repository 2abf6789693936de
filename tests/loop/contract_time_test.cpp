// The contract of loop.h: timers, and what needs real threads and real time: sleeping, posts, and
// sockets that move from loop to loop.

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include <sys/resource.h>

#include "tests/loop/contract.h"

namespace caponier::looptest {

namespace {

using std::chrono::milliseconds;

TEST_P(LoopContract, TimersCallBackInTheOrderOfTheirTimes) {
    std::vector<int> order;
    const std::array delays{milliseconds{9}, milliseconds{1}, milliseconds{5}};
    std::vector<Operation*> timers;
    for (int each = 0; each < 3; ++each) {
        timers.push_back(&operation());
        timers.back()->then = [&order, each] { order.push_back(each); };
        loop().wait_until(loop().now() + delays.at(static_cast<std::size_t>(each)),
                          timers.back()->done);
    }

    ASSERT_TRUE(completes(*timers.front()));

    EXPECT_EQ(order, (std::vector<int>{1, 2, 0}));
}

TEST_P(LoopContract, ATimerIsNeverEarly) {
    const io::TimePoint due = loop().now() + std::chrono::microseconds{1'500};
    Operation& timer = operation();

    loop().wait_until(due, timer.done);

    ASSERT_TRUE(completes(timer));
    EXPECT_EQ(timer.error, 0);
    EXPECT_GE(loop().now(), due);
}

TEST_P(LoopContract, ATimeThatHasPassedCallsBackAtOnce) {
    Operation& past = operation();

    loop().wait_until(loop().now() - std::chrono::hours{1}, past.done);
    loop().run_once(false);

    EXPECT_EQ(past.calls, 1);
    EXPECT_EQ(past.error, 0);
}

TEST_P(LoopContract, ATimerCanBeCanceled) {
    Operation& timer = operation();
    loop().wait_until(loop().now() + std::chrono::hours{1}, timer.done);

    loop().cancel(timer.done);

    ASSERT_TRUE(completes(timer));
    EXPECT_EQ(timer.error, ECANCELED);
}

TEST_P(LoopContract, ManyTimersAllCallBackAndInOrder) {
    const char* const given = std::getenv("CAPONIER_SEED");
    const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : 1;
    SCOPED_TRACE("CAPONIER_SEED=" + std::to_string(seed));
    std::mt19937_64 random{seed};
    std::vector<Operation*> timers;
    std::vector<io::TimePoint> order;
    for (int each = 0; each < 1'000; ++each) {
        const io::TimePoint due = loop().now() + std::chrono::microseconds{random() % 20'000};
        timers.push_back(&operation());
        timers.back()->then = [&order, due] { order.push_back(due); };
        loop().wait_until(due, timers.back()->done);
    }

    ASSERT_TRUE(comes_true([&] { return order.size() == timers.size(); }));

    EXPECT_TRUE(std::ranges::is_sorted(order));
}

// A turn that waits must sleep, whatever the sockets have to tell that nobody asked for: unread
// bytes behind a receive that is over, room behind a send that waited, a post that was taken.
TEST_P(LoopOnTheKernel, WaitingCostsNoProcessorTime) {
    Pair& pair = connected();
    const std::array piece{piece_of("x")};
    Operation& receive = operation();
    Operation& send = operation();
    Operation& watch = operation();
    Operation& posted = operation();
    Operation& accept = operation();
    Operation& timer = operation();
    loop().watch_hangup(pair.near, watch.done);
    loop().receive(pair.near, pool(), 1, receive.done);
    const std::size_t filled = fill(pair.near);
    loop().send(pair.near, piece, send.done);
    run_a_few_turns();
    ASSERT_TRUE(send_all(pair.far, "partly unread"));
    ASSERT_EQ(receive_all(pair.far, filled).size(), filled);
    ASSERT_TRUE(completes(receive));
    ASSERT_TRUE(completes(send));
    loop().post(posted.done);
    ASSERT_TRUE(completes(posted));
    loop().accept(listener(), accept.done);
    run_a_few_turns();
    const auto processor_time = [] {
        rusage usage{};
        ::getrusage(RUSAGE_THREAD, &usage);
        return std::chrono::seconds{usage.ru_utime.tv_sec + usage.ru_stime.tv_sec} +
               std::chrono::microseconds{usage.ru_utime.tv_usec + usage.ru_stime.tv_usec};
    };
    loop().wait_until(loop().now() + milliseconds{200}, timer.done);

    const std::chrono::microseconds before = processor_time();
    const std::size_t ran = loop().run_once();
    const std::chrono::microseconds used = processor_time() - before;

    EXPECT_EQ(ran, 1U);
    EXPECT_EQ(timer.calls, 1);
    EXPECT_LT(used, milliseconds{10});
}

TEST_P(LoopContract, APostCallsBackOnce) {
    Operation& posted = operation();

    loop().post(posted.done);

    ASSERT_TRUE(completes(posted));
    run_a_few_turns();
    EXPECT_EQ(posted.calls, 1);
    EXPECT_EQ(posted.error, 0);
}

TEST_P(LoopContract, PostsOfItsOwnThreadArriveInOrderAndNeverFromInside) {
    std::vector<int> arrived;
    Operation& first = operation();
    Operation& second = operation();
    Operation& third = operation();
    first.then = [&] {
        loop().post(third.done);
        arrived.push_back(1);
    };
    second.then = [&] { arrived.push_back(2); };
    third.then = [&] { arrived.push_back(3); };

    loop().post(first.done);
    loop().post(second.done);
    EXPECT_TRUE(arrived.empty());

    ASSERT_TRUE(completes(third));
    EXPECT_EQ(arrived, (std::vector{1, 2, 3}));
}

TEST_P(LoopOnTheKernel, APostFromAnotherThreadEndsTheSleep) {
    Operation& posted = operation();
    std::thread poster{[&] { loop().post(posted.done); }};

    const bool completed = completes(posted);
    poster.join();

    EXPECT_TRUE(completed);
}

TEST_P(LoopOnTheKernel, PostsOfManyThreadsAllArriveInTheOrderOfEachThread) {
    constexpr std::size_t threads = 4;
    constexpr std::size_t posts = 1'000;
    std::array<std::vector<std::size_t>, threads> arrived;
    std::array<std::vector<Operation*>, threads> operations;
    for (std::size_t thread = 0; thread < threads; ++thread) {
        for (std::size_t number = 0; number < posts; ++number) {
            Operation& posted = operation();
            posted.then = [&arrived, thread, number] { arrived.at(thread).push_back(number); };
            operations.at(thread).push_back(&posted);
        }
    }

    std::vector<std::thread> posters;
    for (const std::vector<Operation*>& mine : operations) {
        posters.emplace_back([this, &mine] {
            for (Operation* posted : mine) {
                loop().post(posted->done);
            }
        });
    }
    const bool all_arrived = comes_true([&] {
        return std::ranges::all_of(arrived, [](const auto& each) { return each.size() == posts; });
    });
    for (std::thread& poster : posters) {
        poster.join();
    }

    EXPECT_TRUE(all_arrived);
    for (const std::vector<std::size_t>& each : arrived) {
        EXPECT_TRUE(std::ranges::is_sorted(each));
    }
}

TEST_P(LoopOnTheKernel, ASocketGoesOnInTheLoopOfAnotherThread) {
    Pair& pair = connected();
    ASSERT_TRUE(send_all(pair.near, "here, "));
    ASSERT_EQ(receive_all(pair.far, 6), "here, ");
    Operation& arrived = operation();

    std::thread other{[this, &arrived, socket = std::move(pair.far)]() mutable {
        const std::unique_ptr<LoopRig> there = GetParam().make();
        auto made = there->loop().make_pool({.buffers = 1, .buffer_bytes = 100});
        Operation receive;
        Operation close;
        there->loop().receive(socket, **made, 100, receive.done);
        while (receive.calls == 0) {
            there->loop().run_once();
        }
        const io::Piece echo = io::piece_of(receive.buffer.bytes());
        Operation send;
        there->loop().send(socket, {&echo, 1}, send.done);
        while (send.calls == 0) {
            there->loop().run_once();
        }
        there->loop().close(std::move(socket), close.done);
        while (close.calls == 0) {
            there->loop().run_once();
        }
        receive.buffer.reset();
        loop().post(arrived.done);
    }};
    const bool sent = send_all(pair.near, "and there");
    const std::string echoed = receive_all(pair.near, 9);
    const bool joined = completes(arrived);
    other.join();

    EXPECT_TRUE(sent);
    EXPECT_EQ(echoed, "and there");
    EXPECT_TRUE(joined);
}

}  // namespace

}  // namespace caponier::looptest
