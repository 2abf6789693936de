// The contract of loop.h as every loop keeps it: how bytes move, buffers, and the rules of calling
// back. How connections begin is in contract_beginnings_test.cpp, how operations and connections
// end in contract_endings_test.cpp, timers and threads in contract_time_test.cpp.

#include "tests/loop/contract.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <string>
#include <string_view>

namespace caponier::looptest {

namespace {

TEST_P(LoopContract, BytesArriveInTheOrderOfTheSends) {
    Pair& pair = connected();

    ASSERT_TRUE(send_all(pair.near, "first "));
    ASSERT_TRUE(send_all(pair.near, "second "));
    ASSERT_TRUE(send_all(pair.near, "third"));

    EXPECT_EQ(receive_all(pair.far, 18), "first second third");
}

TEST_P(LoopContract, ThePiecesOfASendArriveInTheirOrder) {
    Pair& pair = connected();
    const std::array pieces{piece_of("a piece, "), piece_of(""), piece_of("another piece")};
    Operation& send = operation();

    loop().send(pair.near, pieces, send.done);

    ASSERT_TRUE(completes(send));
    EXPECT_EQ(send.error, 0);
    EXPECT_EQ(send.bytes, 22U);
    EXPECT_EQ(receive_all(pair.far, 22), "a piece, another piece");
}

TEST_P(LoopContract, BothDirectionsMoveAtTheSameTime) {
    Pair& pair = connected();
    const std::array there{piece_of("there")};
    const std::array back{piece_of("back")};
    Operation& send_there = operation();
    Operation& send_back = operation();
    Operation& receive_near = operation();
    Operation& receive_far = operation();

    loop().receive(pair.near, pool(), 100, receive_near.done);
    loop().receive(pair.far, pool(), 100, receive_far.done);
    loop().send(pair.near, there, send_there.done);
    loop().send(pair.far, back, send_back.done);

    ASSERT_TRUE(completes(receive_near));
    ASSERT_TRUE(completes(receive_far));
    EXPECT_EQ(text_of(receive_near.buffer), "back");
    EXPECT_EQ(text_of(receive_far.buffer), "there");
}

TEST_P(LoopContract, AReceiveBringsNoMoreThanItsLimit) {
    Pair& pair = connected();
    ASSERT_TRUE(send_all(pair.near, "0123456789"));
    Operation& first = operation();
    Operation& second = operation();

    loop().receive(pair.far, pool(), 4, first.done);
    ASSERT_TRUE(completes(first));
    loop().receive(pair.far, pool(), 100, second.done);
    ASSERT_TRUE(completes(second));

    EXPECT_EQ(text_of(first.buffer), "0123");
    EXPECT_EQ(text_of(second.buffer), "456789");
}

TEST_P(LoopContract, AReceiveBringsNoMoreThanItsBufferHolds) {
    Pair& pair = connected();
    ASSERT_TRUE(send_all(pair.near, long_text(10'000)));
    Operation& receive = operation();

    loop().receive(pair.far, pool(), 1'000'000, receive.done);

    ASSERT_TRUE(completes(receive));
    EXPECT_LE(receive.bytes, pool().shape().buffer_bytes);
    EXPECT_EQ(text_of(receive.buffer), long_text(10'000).substr(0, receive.bytes));
}

TEST_P(LoopContract, ATailFitsInFrontOfTheBytesThatArrived) {
    Pair& pair = connected();
    ASSERT_TRUE(send_all(pair.near, "tail, "));
    Operation& first = operation();
    loop().receive(pair.far, pool(), 6, first.done);
    ASSERT_TRUE(completes(first));
    ASSERT_TRUE(send_all(pair.near, "and what follows it"));
    Operation& second = operation();
    loop().receive(pair.far, pool(), 100, second.done);
    ASSERT_TRUE(completes(second));

    const std::span<std::byte> both = second.buffer.prepend(first.buffer.bytes());

    EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(both.data()), both.size()),
              "tail, and what follows it");
}

TEST_P(LoopContract, ASendAgainstAStoppedReaderWaitsUntilItGoesOn) {
    Pair& pair = connected();
    const std::size_t filled = fill(pair.near);
    const std::array piece{piece_of("the end")};
    Operation& send = operation();
    loop().send(pair.near, piece, send.done);
    run_a_few_turns();
    ASSERT_EQ(send.calls, 0);

    const std::string received = receive_all(pair.far, filled);
    ASSERT_EQ(received.size(), filled);

    ASSERT_TRUE(completes(send));
    EXPECT_EQ(send.error, 0);
    EXPECT_EQ(receive_all(pair.far, send.bytes), std::string("the end").substr(0, send.bytes));
}

TEST_P(LoopContract, ABigSendIsTakenInPartsAndArrivesWhole) {
    Pair& pair = connected();
    const std::string text = long_text(32 * 1'024 * 1'024);
    std::string_view rest = text;
    io::Piece piece{};
    Operation& send = operation();
    const auto send_rest = [&] {
        piece = piece_of(rest);
        loop().send(pair.near, {&piece, 1}, send.done);
    };
    send.then = [&] {
        rest.remove_prefix(send.bytes);
        if (send.error == 0 && !rest.empty()) {
            send_rest();
        }
    };

    send_rest();
    const std::string received = receive_all(pair.far, text.size());

    EXPECT_TRUE(received == text);
    EXPECT_GT(send.calls, 1);
}

TEST_P(LoopContract, SendImmediatelyTakesWhatThereIsRoomFor) {
    Pair& pair = connected();
    const std::array piece{piece_of("at once")};
    Operation& send = operation();

    loop().send_immediately(pair.near, piece, send.done);
    loop().run_once();

    EXPECT_EQ(send.calls, 1);
    EXPECT_EQ(send.bytes, 7U);
    EXPECT_EQ(receive_all(pair.far, 7), "at once");
}

TEST_P(LoopContract, SendImmediatelyDoesNotWaitForRoom) {
    Pair& pair = connected();
    fill(pair.near);
    const std::array piece{piece_of("too much")};
    Operation& send = operation();

    loop().send_immediately(pair.near, piece, send.done);
    loop().run_once();

    EXPECT_EQ(send.calls, 1);
    EXPECT_EQ(send.error, EAGAIN);
    EXPECT_EQ(send.bytes, 0U);
}

TEST_P(LoopContract, BytesThatThePeerHasNoRoomForAreUndelivered) {
    Pair& pair = connected();
    EXPECT_EQ(loop().undelivered_bytes(pair.near), 0U);

    const std::size_t filled = fill(pair.near);
    EXPECT_GT(loop().undelivered_bytes(pair.near), 0U);

    ASSERT_EQ(receive_all(pair.far, filled).size(), filled);
    EXPECT_TRUE(comes_true([&] {
        run_a_few_turns();
        return loop().undelivered_bytes(pair.near) == 0;
    }));
}

// Where questions and answers go to and fro, the kernel waits 40 ms for something to send along.
TEST_P(LoopContract, WhatIsAcknowledgedNowDoesNotWaitForAnAnswer) {
    Pair& pair = connected();
    for (int times = 0; times < 5; ++times) {
        ASSERT_TRUE(send_all(pair.far, "question"));
        ASSERT_EQ(receive_all(pair.near, 8), "question");
        ASSERT_TRUE(send_all(pair.near, "answer"));
        ASSERT_EQ(receive_all(pair.far, 6), "answer");
    }
    ASSERT_TRUE(send_all(pair.far, "pushed"));
    ASSERT_EQ(receive_all(pair.near, 6), "pushed");

    loop().acknowledge_now(pair.near);

    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds{20};
    while (loop().undelivered_bytes(pair.far) > 0 && std::chrono::steady_clock::now() < end) {
    }
    EXPECT_EQ(loop().undelivered_bytes(pair.far), 0U);
}

// ---- buffers ------------------------------------------------------------------------------------

TEST_P(LoopContract, IdleConnectionsHoldNoBuffer) {
    for (std::uint32_t count = 0; count < 2 * pool().shape().buffers; ++count) {
        Pair& pair = connected();
        loop().receive(pair.far, pool(), 100, operation().done);
    }

    run_a_few_turns();

    EXPECT_EQ(pool().available(), pool().shape().buffers);
}

TEST_P(LoopContract, ALeaseThatIsGivenUpReturnsItsBuffer) {
    Pair& pair = connected();
    ASSERT_TRUE(send_all(pair.near, "x"));
    Operation& receive = operation();
    loop().receive(pair.far, pool(), 100, receive.done);
    ASSERT_TRUE(completes(receive));
    ASSERT_EQ(pool().available(), pool().shape().buffers - 1);

    receive.buffer.reset();

    EXPECT_EQ(pool().available(), pool().shape().buffers);
}

TEST_P(LoopContract, ReceivesWaitWhileThePoolIsEmptyAndGoOnWhenALeaseReturns) {
    std::vector<Operation*> holders;
    for (std::uint32_t count = 0; count < pool().shape().buffers; ++count) {
        Pair& pair = connected();
        ASSERT_TRUE(send_all(pair.near, "x"));
        loop().receive(pair.far, pool(), 100, holders.emplace_back(&operation())->done);
        ASSERT_TRUE(completes(*holders.back()));
    }
    ASSERT_EQ(pool().available(), 0U);
    Pair& late = connected();
    ASSERT_TRUE(send_all(late.near, "late"));
    Operation& receive = operation();
    loop().receive(late.far, pool(), 100, receive.done);
    run_a_few_turns();
    ASSERT_EQ(receive.calls, 0);

    holders.front()->buffer.reset();

    ASSERT_TRUE(completes(receive));
    EXPECT_EQ(text_of(receive.buffer), "late");
}

TEST_P(LoopContract, AReceiveThatWaitsForABufferCanBeCanceled) {
    std::vector<Operation*> holders;
    Pair& pair = connected();
    for (std::uint32_t count = 0; count < pool().shape().buffers; ++count) {
        ASSERT_TRUE(send_all(pair.near, "x"));
        loop().receive(pair.far, pool(), 1, holders.emplace_back(&operation())->done);
        ASSERT_TRUE(completes(*holders.back()));
    }
    ASSERT_TRUE(send_all(pair.near, "more"));
    Operation& receive = operation();
    loop().receive(pair.far, pool(), 100, receive.done);
    run_a_few_turns();

    loop().cancel(receive.done);

    ASSERT_TRUE(completes(receive));
    EXPECT_EQ(receive.error, ECANCELED);
    holders.front()->buffer.reset();
    EXPECT_EQ(receive_all(pair.far, 4), "more");
}

// ---- the rules of calling back ------------------------------------------------------------------

TEST_P(LoopContract, SubmittingNeverCallsBack) {
    Pair& pair = connected();
    ASSERT_TRUE(send_all(pair.near, "already there"));
    const std::array piece{piece_of("there is room")};
    std::array<Operation*, 5> started{};
    for (Operation*& each : started) {
        each = &operation();
    }

    loop().receive(pair.far, pool(), 100, started[0]->done);
    loop().send(pair.far, piece, started[1]->done);
    loop().wait_until(loop().now(), started[2]->done);
    loop().post(started[3]->done);
    loop().shutdown(pair.near, started[4]->done);

    for (const Operation* each : started) {
        EXPECT_EQ(each->calls, 0);
        EXPECT_TRUE(each->done.in_flight());
    }
    for (Operation* each : started) {
        EXPECT_TRUE(completes(*each));
    }
}

TEST_P(LoopContract, CallbacksAreNeverNested) {
    Pair& pair = connected();
    ASSERT_TRUE(send_all(pair.near, "0123456789"));
    Operation& receive = operation();
    Operation& timer = operation();
    bool inside = false;
    bool was_nested = false;
    receive.then = [&] {
        was_nested = was_nested || inside;
        inside = true;
        if (receive.calls < 10) {
            loop().receive(pair.far, pool(), 1, receive.done);
            if (!timer.done.in_flight()) {
                loop().wait_until(loop().now(), timer.done);
            }
        }
        inside = false;
    };
    timer.then = [&] { was_nested = was_nested || inside; };

    loop().receive(pair.far, pool(), 1, receive.done);

    ASSERT_TRUE(completes(receive, 10));
    EXPECT_FALSE(was_nested);
}

TEST_P(LoopContract, ACompletionIsFreeInsideItsCallback) {
    Operation& timer = operation();
    bool was_in_flight = true;
    timer.then = [&] { was_in_flight = timer.done.in_flight(); };

    loop().wait_until(loop().now(), timer.done);

    ASSERT_TRUE(completes(timer));
    EXPECT_FALSE(was_in_flight);
}

TEST_P(LoopContract, ATurnThatDoesNotWaitReturnsWithoutACompletion) {
    Pair& pair = connected();
    Operation& receive = operation();
    loop().receive(pair.far, pool(), 100, receive.done);

    for (int turn = 0; turn < 10; ++turn) {
        EXPECT_EQ(loop().run_once(false), 0U);
    }

    EXPECT_TRUE(receive.done.in_flight());
}

TEST_P(LoopContract, ASocketThatIsAlwaysReadyDoesNotStarveATimer) {
    Pair& pair = connected();
    const std::array piece{piece_of("x")};
    Operation& send = operation();
    Operation& receive = operation();
    Operation& timer = operation();
    bool go_on = true;
    send.then = [&] {
        if (go_on) {
            loop().send(pair.near, piece, send.done);
        }
    };
    receive.then = [&] {
        receive.buffer.reset();
        if (go_on) {
            loop().receive(pair.far, pool(), 1, receive.done);
        }
    };

    loop().send(pair.near, piece, send.done);
    loop().receive(pair.far, pool(), 1, receive.done);
    loop().wait_until(loop().now() + std::chrono::milliseconds{5}, timer.done);

    EXPECT_TRUE(completes(timer));
    go_on = false;
}

}  // namespace

std::string name_of(const testing::TestParamInfo<LoopKind>& info) {
    return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(Over, LoopContract, testing::ValuesIn(all_loops()), name_of);
INSTANTIATE_TEST_SUITE_P(Over, LoopOnTheKernel, testing::ValuesIn(kernel_loops()), name_of);

}  // namespace caponier::looptest
