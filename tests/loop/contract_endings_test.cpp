// The contract of loop.h: how operations end early (cancel), and how connections end (end of
// stream, close, reset, hangup).

#include <array>
#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include <sys/socket.h>

#include "tests/loop/contract.h"

namespace caponier::looptest {

namespace {

// ---- cancel -------------------------------------------------------------------------------------

TEST_P(LoopContract, AnAcceptCanBeCanceled) {
    Operation& accept = operation();
    loop().accept(listener(), accept.done);
    run_a_few_turns();

    loop().cancel(accept.done);

    ASSERT_TRUE(completes(accept));
    EXPECT_EQ(accept.error, ECANCELED);
    EXPECT_FALSE(accept.more);
    EXPECT_FALSE(accept.done.in_flight());
}

TEST_P(LoopContract, AnAcceptCanBeCanceledInsideItsCallback) {
    io::Socket& listening = listener();
    std::vector<Operation*> connects;
    for (int each = 0; each < 5; ++each) {
        connects.push_back(&operation());
        loop().connect(loop().local_address(listening), connects.back()->done);
        ASSERT_TRUE(completes(*connects.back()));
    }
    Operation& accept = operation();
    accept.then = [&] { loop().cancel(accept.done); };

    loop().accept(listening, accept.done);

    ASSERT_TRUE(comes_true([&] { return !accept.done.in_flight(); }));
    EXPECT_EQ(accept.error, ECANCELED);
    EXPECT_FALSE(accept.more);
}

TEST_P(LoopContract, AConnectThatWaitsCanBeCanceled) {
    // A listener that accepts nothing leaves some of the connects waiting.
    io::Socket& listening = listener({.backlog = 0});
    std::vector<Operation*> connects;
    for (int each = 0; each < 4; ++each) {
        connects.push_back(&operation());
        loop().connect(loop().local_address(listening), connects.back()->done);
    }
    if (GetParam().has_kernel) {
        run_a_few_turns();
        ASSERT_TRUE(connects.back()->done.in_flight());
    }

    for (Operation* connect : connects) {
        loop().cancel(connect->done);
    }

    for (Operation* connect : connects) {
        ASSERT_TRUE(completes(*connect));
        EXPECT_EQ(connect->error != 0, connect->sockets.empty());
    }
    EXPECT_EQ(connects.back()->error, ECANCELED);
}

TEST_P(LoopContract, AReceiveCanBeCanceledAndSubmittedAgain) {
    Pair& pair = connected();
    Operation& receive = operation();
    loop().receive(pair.far, pool(), 100, receive.done);
    run_a_few_turns();

    loop().cancel(receive.done);

    ASSERT_TRUE(completes(receive));
    EXPECT_EQ(receive.error, ECANCELED);
    EXPECT_EQ(pool().available(), pool().shape().buffers);
    ASSERT_TRUE(send_all(pair.near, "later"));
    EXPECT_EQ(receive_all(pair.far, 5), "later");
}

TEST_P(LoopContract, ASendCanBeCanceled) {
    Pair& pair = connected();
    fill(pair.near);
    const std::array piece{piece_of("too much")};
    Operation& send = operation();
    loop().send(pair.near, piece, send.done);
    run_a_few_turns();

    loop().cancel(send.done);

    ASSERT_TRUE(completes(send));
    EXPECT_EQ(send.error, ECANCELED);
    EXPECT_EQ(send.bytes, 0U);
}

TEST_P(LoopContract, AWatchCanBeCanceled) {
    Pair& pair = connected();
    Operation& watch = operation();
    loop().watch_hangup(pair.near, watch.done);
    run_a_few_turns();

    loop().cancel(watch.done);

    ASSERT_TRUE(completes(watch));
    EXPECT_EQ(watch.error, ECANCELED);
}

TEST_P(LoopContract, CancelOfACompletionThatIsNotInFlightDoesNothing) {
    Operation& never_used = operation();
    Operation& finished = operation();
    loop().wait_until(loop().now(), finished.done);
    ASSERT_TRUE(completes(finished));

    loop().cancel(never_used.done);
    loop().cancel(finished.done);
    run_a_few_turns();

    EXPECT_EQ(never_used.calls, 0);
    EXPECT_EQ(finished.calls, 1);
}

TEST_P(LoopContract, CancelRightAfterTheSubmissionCallsBackOnce) {
    Pair& pair = connected();
    ASSERT_TRUE(send_all(pair.near, "x"));
    Operation& receive = operation();

    loop().receive(pair.far, pool(), 100, receive.done);
    loop().cancel(receive.done);
    loop().cancel(receive.done);

    ASSERT_TRUE(completes(receive));
    run_a_few_turns();
    EXPECT_EQ(receive.calls, 1);
    // Either it was quicker or the byte is still there.
    if (receive.error != 0) {
        EXPECT_EQ(receive.error, ECANCELED);
        EXPECT_EQ(receive_all(pair.far, 1), "x");
    } else {
        EXPECT_EQ(text_of(receive.buffer), "x");
    }
}

// ---- the end of the stream ----------------------------------------------------------------------

TEST_P(LoopContract, TheEndOfTheStreamIsAReceiveOfNothing) {
    Pair& pair = connected();
    ASSERT_TRUE(send_all(pair.near, "last words"));
    Operation& shutdown = operation();

    loop().shutdown(pair.near, shutdown.done);
    ASSERT_TRUE(completes(shutdown));

    EXPECT_EQ(shutdown.error, 0);
    EXPECT_EQ(receive_all(pair.far, 10), "last words");
    Operation& receive = operation();
    for (int time = 1; time <= 2; ++time) {
        loop().receive(pair.far, pool(), 100, receive.done);
        ASSERT_TRUE(completes(receive, time));
        EXPECT_EQ(receive.error, 0);
        EXPECT_EQ(receive.bytes, 0U);
    }
    EXPECT_EQ(pool().available(), pool().shape().buffers);
}

TEST_P(LoopContract, AReceiveThatWaitsSeesTheEndOfTheStream) {
    Pair& pair = connected();
    Operation& receive = operation();
    loop().receive(pair.far, pool(), 100, receive.done);
    run_a_few_turns();

    Operation& shutdown = operation();
    loop().shutdown(pair.near, shutdown.done);

    ASSERT_TRUE(completes(receive));
    EXPECT_EQ(receive.error, 0);
    EXPECT_EQ(receive.bytes, 0U);
}

TEST_P(LoopContract, AConnectionThatIsHalfClosedCarriesTheOtherDirection) {
    for (const bool near_ends_first : {true, false}) {
        Pair& pair = connected();
        io::Socket& ended = near_ends_first ? pair.near : pair.far;
        io::Socket& open = near_ends_first ? pair.far : pair.near;
        Operation& shutdown = operation();
        loop().shutdown(ended, shutdown.done);
        ASSERT_TRUE(completes(shutdown));
        EXPECT_EQ(receive_all(open, 1), "");

        ASSERT_TRUE(send_all(open, long_text(100'000)));

        EXPECT_TRUE(receive_all(ended, 100'000) == long_text(100'000));
    }
}

TEST_P(LoopContract, ASendAfterTheShutdownFails) {
    Pair& pair = connected();
    Operation& shutdown = operation();
    loop().shutdown(pair.near, shutdown.done);
    ASSERT_TRUE(completes(shutdown));
    const std::array piece{piece_of("too late")};
    Operation& send = operation();

    loop().send(pair.near, piece, send.done);

    ASSERT_TRUE(completes(send));
    EXPECT_EQ(send.error, EPIPE);
}

// A few turns belong to the start of the wait and to the alarm.
constexpr int turns_of_a_loop_that_sleeps = 20;

TEST_P(LoopContract, ASendThatWaitsForAPeerThatHasEndedLetsTheLoopSleep) {
    Pair& pair = connected();
    Operation& shutdown = operation();
    loop().shutdown(pair.near, shutdown.done);
    ASSERT_TRUE(completes(shutdown));
    const std::size_t filled = fill(pair.far);
    const std::array piece{piece_of("behind them")};
    Operation& send = operation();

    loop().send(pair.far, piece, send.done);

    EXPECT_LE(turns_of_a_rest(), turns_of_a_loop_that_sleeps);
    EXPECT_TRUE(send.done.in_flight());
    const std::string received = receive_all(pair.near, filled + 11);
    EXPECT_EQ(received.size(), filled + 11);
    EXPECT_TRUE(received.ends_with("behind them"));
    EXPECT_TRUE(completes(send));
    EXPECT_EQ(send.bytes, 11U);
}

TEST_P(LoopContract, ASlowReaderThatHasEndedItsDirectionGetsEveryByte) {
    Pair& pair = connected();
    Operation& shutdown = operation();
    loop().shutdown(pair.near, shutdown.done);
    EXPECT_EQ(receive_all(pair.far, 1), "");
    Operation& watch = operation();
    loop().watch_hangup(pair.far, watch.done);
    const std::string text = long_text(12'000'000);
    std::string_view rest = text;
    io::Piece piece = piece_of(rest);
    Operation& send = operation();
    send.then = [&] {
        rest.remove_prefix(send.bytes);
        piece = piece_of(rest);
        if (!rest.empty() && send.error == 0) {
            loop().send(pair.far, {&piece, 1}, send.done);
        }
    };

    loop().send(pair.far, {&piece, 1}, send.done);
    // The sender waits for room again and again.
    EXPECT_LE(turns_of_a_rest(), 1'000);
    const std::string received = receive_all(pair.near, text.size());

    EXPECT_TRUE(received == text);
    EXPECT_EQ(send.error, 0);
    EXPECT_EQ(watch.calls, 0);
}

TEST_P(LoopContract, ASendThatWaitsForAPeerThatHasEndedCanBeCanceled) {
    Pair& pair = connected();
    Operation& shutdown = operation();
    loop().shutdown(pair.near, shutdown.done);
    ASSERT_TRUE(completes(shutdown));
    const std::size_t filled = fill(pair.far);
    const std::array piece{piece_of("too much")};
    for (int time = 1; time <= 3; ++time) {
        Operation& send = operation();
        loop().send(pair.far, piece, send.done);
        run_a_few_turns();

        loop().cancel(send.done);

        ASSERT_TRUE(completes(send));
        EXPECT_EQ(send.error, ECANCELED);
    }
    Operation& close = operation();
    loop().close(std::move(pair.far), close.done);
    ASSERT_TRUE(completes(close));
    EXPECT_EQ(receive_all(pair.near, filled + 1).size(), filled);
}

// The room and the cancellation come in the same turn: either may be quicker, but not neither.
TEST_P(LoopContract, ASendThatFoundRoomCanBeCanceledAtThatMoment) {
    Pair& pair = connected();
    Operation& shutdown = operation();
    loop().shutdown(pair.near, shutdown.done);
    ASSERT_TRUE(completes(shutdown));
    const std::array piece{piece_of("x")};
    for (int turns = 0; turns < 6; ++turns) {
        const std::size_t filled = fill(pair.far);
        Operation& send = operation();
        loop().send(pair.far, piece, send.done);
        run_a_few_turns();
        ASSERT_EQ(receive_all(pair.near, filled).size(), filled);
        for (int turn = 0; turn < turns; ++turn) {
            loop().run_once(false);
        }

        loop().cancel(send.done);

        ASSERT_TRUE(completes(send));
        run_a_few_turns();
        EXPECT_EQ(send.calls, 1);
        EXPECT_EQ(receive_all(pair.near, send.bytes).size(), send.bytes);
    }
}

// A peer may send urgent data (MSG_OOB), which nobody here asked for, at any time.
TEST_P(LoopOnTheKernel, UrgentDataLetsASendAndAReceiveSleep) {
    Pair& full = connected();
    Pair& empty = connected();
    ASSERT_EQ(::send(full.near.fd(), "!", 1, MSG_OOB), 1);
    ASSERT_EQ(::send(empty.near.fd(), "!", 1, MSG_OOB), 1);
    fill(full.far);
    const std::array piece{piece_of("x")};
    Operation& send = operation();
    Operation& receive = operation();

    loop().send(full.far, piece, send.done);
    loop().receive(empty.far, pool(), 100, receive.done);

    EXPECT_LE(turns_of_a_rest(), turns_of_a_loop_that_sleeps);
    EXPECT_TRUE(send.done.in_flight());
    EXPECT_TRUE(receive.done.in_flight());
    ASSERT_TRUE(send_all(empty.near, "ordinary"));
    ASSERT_TRUE(completes(receive));
    EXPECT_EQ(text_of(receive.buffer), "ordinary");
}

// ---- close and reset ----------------------------------------------------------------------------

TEST_P(LoopContract, CloseCancelsWhatIsInFlightBeforeItCallsBack) {
    Pair& pair = connected();
    fill(pair.near);
    const std::array piece{piece_of("too much")};
    Operation& receive = operation();
    Operation& send = operation();
    Operation& watch = operation();
    loop().receive(pair.near, pool(), 100, receive.done);
    loop().send(pair.near, piece, send.done);
    loop().watch_hangup(pair.near, watch.done);
    run_a_few_turns();
    Operation& close = operation();
    int others_called = 0;
    close.then = [&] { others_called = receive.calls + send.calls + watch.calls; };

    loop().close(std::move(pair.near), close.done);

    EXPECT_FALSE(pair.near);
    ASSERT_TRUE(completes(close));
    EXPECT_EQ(others_called, 3);
    EXPECT_EQ(receive.error, ECANCELED);
    EXPECT_EQ(send.error, ECANCELED);
    EXPECT_EQ(watch.error, ECANCELED);
}

TEST_P(LoopContract, CloseWithAReceiveInFlightEndsTheStreamOfThePeer) {
    Pair& pair = connected();
    Operation& receive = operation();
    loop().receive(pair.near, pool(), 100, receive.done);
    run_a_few_turns();
    Operation& close = operation();

    loop().close(std::move(pair.near), close.done);
    Operation& end = operation();
    loop().receive(pair.far, pool(), 100, end.done);

    ASSERT_TRUE(completes(end));
    EXPECT_EQ(end.error, 0);
    EXPECT_EQ(end.bytes, 0U);
    ASSERT_TRUE(completes(close));
}

TEST_P(LoopContract, CloseDeliversWhatWasSent) {
    Pair& pair = connected();
    ASSERT_TRUE(send_all(pair.near, long_text(30'000)));
    Operation& close = operation();

    loop().close(std::move(pair.near), close.done);
    ASSERT_TRUE(completes(close));

    EXPECT_TRUE(receive_all(pair.far, 30'001) == long_text(30'000));
}

// The peer is slow, so that most of it is still with our kernel when the socket is closed.
TEST_P(LoopContract, CloseDeliversWhatTheKernelHoldsWhoeverMadeTheConnection) {
    for (const bool is_accepted : {false, true}) {
        for (const bool is_shut_down : {false, true}) {
            Pair& pair = connected();
            io::Socket& ends = is_accepted ? pair.far : pair.near;
            io::Socket& reads = is_accepted ? pair.near : pair.far;
            const std::size_t filled = fill(ends);
            if (is_shut_down) {
                Operation& shutdown = operation();
                loop().shutdown(ends, shutdown.done);
                ASSERT_TRUE(completes(shutdown));
            }
            Operation& close = operation();

            loop().close(std::move(ends), close.done);
            ASSERT_TRUE(completes(close));

            EXPECT_EQ(receive_all(reads, filled + 1).size(), filled);
            Operation& end = operation();
            loop().receive(reads, pool(), 1, end.done);
            ASSERT_TRUE(completes(end));
            EXPECT_EQ(end.error, 0);
            EXPECT_EQ(end.bytes, 0U);
        }
    }
}

// What becomes of a socket whose process has died: nobody closes it but the kernel.
TEST_P(LoopOnTheKernel, AnAcceptedSocketThatIsOnlyLeftIsReset) {
    for (const std::string_view host : {"127.0.0.1", "::1"}) {
        for (const bool is_shut_down : {false, true}) {
            Pair& pair =
                connected_through(listener_at(io::Address::ip(host, 0).value_or(io::Address{})));
            const std::size_t filled = fill(pair.far);
            if (is_shut_down) {
                Operation& shutdown = operation();
                loop().shutdown(pair.far, shutdown.done);
                ASSERT_TRUE(completes(shutdown));
            }

            pair.far = io::Socket{};

            Operation& receive = operation();
            std::size_t received = 0;
            do {
                const int calls = receive.calls;
                receive.buffer.reset();
                loop().receive(pair.near, pool(), 4'096, receive.done);
                ASSERT_TRUE(completes(receive, calls + 1));
                received += receive.bytes;
            } while (receive.bytes > 0);
            EXPECT_LT(received, filled);
            EXPECT_EQ(receive.error, ECONNRESET);
        }
    }
}

TEST_P(LoopContract, ClosingAListenerEndsItsAccept) {
    io::Socket& listening = listener();
    Operation& accept = operation();
    Operation& close = operation();
    loop().accept(listening, accept.done);
    run_a_few_turns();

    loop().close(std::move(listening), close.done);

    ASSERT_TRUE(completes(close));
    EXPECT_EQ(accept.calls, 1);
    EXPECT_EQ(accept.error, ECANCELED);
    EXPECT_FALSE(accept.more);
}

TEST_P(LoopContract, ThePeerSeesAReset) {
    Pair& pair = connected();
    Operation& reset = operation();
    Operation& receive = operation();
    loop().receive(pair.far, pool(), 100, receive.done);
    run_a_few_turns();

    loop().reset(std::move(pair.near), reset.done);

    ASSERT_TRUE(completes(receive));
    EXPECT_EQ(receive.error, ECONNRESET);
    EXPECT_TRUE(completes(reset));
}

TEST_P(LoopContract, AResetLeavesAlsoWithOperationsInFlight) {
    Pair& pair = connected();
    const std::size_t filled = fill(pair.near);
    const std::array piece{piece_of("too much")};
    Operation& receive = operation();
    Operation& send = operation();
    loop().receive(pair.near, pool(), 100, receive.done);
    loop().send(pair.near, piece, send.done);
    run_a_few_turns();
    Operation& reset = operation();

    loop().reset(std::move(pair.near), reset.done);

    ASSERT_TRUE(completes(reset));
    EXPECT_EQ(receive.error, ECANCELED);
    EXPECT_EQ(send.error, ECANCELED);
    Operation& end = operation();
    for (std::size_t received = 0; received <= filled && end.error == 0;) {
        const int calls = end.calls;
        end.buffer.reset();
        loop().receive(pair.far, pool(), 4'096, end.done);
        ASSERT_TRUE(completes(end, calls + 1));
        received += end.bytes;
        ASSERT_TRUE(end.error != 0 || end.bytes > 0) << "a reset must not look like an end";
    }
    EXPECT_EQ(end.error, ECONNRESET);
}

// ---- hangup while idle --------------------------------------------------------------------------

TEST_P(LoopContract, AnIdleWatchSeesAReset) {
    Pair& pair = connected();
    Operation& watch = operation();
    Operation& reset = operation();
    loop().watch_hangup(pair.far, watch.done);
    run_a_few_turns();

    loop().reset(std::move(pair.near), reset.done);

    ASSERT_TRUE(completes(watch));
    EXPECT_EQ(watch.error, ECONNRESET);
}

TEST_P(LoopContract, AWatchAndAReceiveBothSeeAReset) {
    Pair& pair = connected();
    Operation& watch = operation();
    Operation& receive = operation();
    Operation& reset = operation();
    loop().watch_hangup(pair.far, watch.done);
    loop().receive(pair.far, pool(), 100, receive.done);
    run_a_few_turns();

    loop().reset(std::move(pair.near), reset.done);

    ASSERT_TRUE(completes(watch));
    ASSERT_TRUE(completes(receive));
    // The kernel tells the error once. Whoever got it, nobody may take the reset for a clean end.
    EXPECT_EQ(receive.error, ECONNRESET);
    EXPECT_EQ(watch.error, ECONNRESET);
}

TEST_P(LoopContract, AReceiveThatWaitedForABufferTakesNoResetForAnEnd) {
    std::vector<Operation*> holders;
    Pair& other = connected();
    for (std::uint32_t count = 0; count < pool().shape().buffers; ++count) {
        ASSERT_TRUE(send_all(other.near, "x"));
        loop().receive(other.far, pool(), 1, holders.emplace_back(&operation())->done);
        ASSERT_TRUE(completes(*holders.back()));
    }
    Pair& pair = connected();
    Operation& watch = operation();
    Operation& receive = operation();
    Operation& reset = operation();
    loop().watch_hangup(pair.far, watch.done);
    loop().receive(pair.far, pool(), 100, receive.done);
    run_a_few_turns();
    loop().reset(std::move(pair.near), reset.done);
    ASSERT_TRUE(completes(watch));

    holders.front()->buffer.reset();

    ASSERT_TRUE(completes(receive));
    EXPECT_EQ(watch.error, ECONNRESET);
    EXPECT_EQ(receive.error, ECONNRESET);
}

TEST_P(LoopContract, AWatchSeesThatBothDirectionsHaveEnded) {
    Pair& pair = connected();
    Operation& watch = operation();
    loop().watch_hangup(pair.far, watch.done);
    Operation& near_end = operation();
    Operation& far_end = operation();

    loop().shutdown(pair.near, near_end.done);
    ASSERT_TRUE(completes(near_end));
    loop().shutdown(pair.far, far_end.done);

    ASSERT_TRUE(completes(watch));
    EXPECT_EQ(watch.error, 0);
}

TEST_P(LoopContract, TheEndOfOneDirectionIsNoHangup) {
    Pair& pair = connected();
    Operation& watch = operation();
    Operation& shutdown = operation();
    loop().watch_hangup(pair.far, watch.done);

    loop().shutdown(pair.near, shutdown.done);
    EXPECT_EQ(receive_all(pair.far, 1), "");
    run_a_few_turns();

    EXPECT_EQ(watch.calls, 0);
    EXPECT_TRUE(watch.done.in_flight());
}

TEST_P(LoopContract, BytesThatNobodyReceivesDoNotDisturbAWatch) {
    Pair& pair = connected();
    Operation& watch = operation();
    loop().watch_hangup(pair.far, watch.done);

    ASSERT_TRUE(send_all(pair.near, "unread"));
    run_a_few_turns();

    EXPECT_EQ(watch.calls, 0);
    EXPECT_EQ(loop().run_once(false), 0U);
    EXPECT_EQ(receive_all(pair.far, 6), "unread");
}

}  // namespace

}  // namespace caponier::looptest
