// What the kernel's answer to each kind of operation means: which callback runs with which Outcome,
// and what the loop submits again by itself because the contract hides it (a multishot that the
// kernel ended, an interruption, a pool that ran empty).

#include <cerrno>
#include <utility>

#include <poll.h>

#include "engine/io/expects.h"
#include "engine/io/socket_calls.h"
#include "engine/io/uring_loop.h"
#include "engine/io/uring_stage.h"

namespace caponier::io {

namespace {

// What a failed operation tells its submitter. A worker thread of the kernel is canceled by a
// signal, and a wait may have been given up in the same moment.
int error_of(const Completion& done, int result) noexcept {
    const bool was_canceled = done.state_ == Completion::State::canceling;
    return was_canceled && (result == -EINTR || result == -EAGAIN) ? ECANCELED : -result;
}

// Nothing was done yet, and nobody wanted it to end. The kernel waits for a socket only so many
// times (128) before it says EAGAIN, and some of its wake-ups are in vain: a full socket is woken
// for a little room, and one whose peer has sent a FIN or urgent data does not even sleep.
bool must_try_again(const Completion& done, int result) noexcept {
    const bool gave_up_waiting =
        result == -EAGAIN && done.kind_ != Completion::Kind::send_immediately;
    return (result == -EINTR || gave_up_waiting) && done.state_ == Completion::State::submitted;
}

bool has_room(int poll_result) noexcept {
    // A send on a broken connection does not wait: it tells what broke it.
    return poll_result >= 0 && (poll_result & (POLLOUT | POLLHUP | POLLERR | POLLNVAL)) != 0;
}

bool is_hangup(int poll_result) noexcept {
    return poll_result >= 0 && (poll_result & (POLLHUP | POLLERR | POLLNVAL)) != 0;
}

}  // namespace

std::size_t UringLoop::complete(Completion& done, const UringCompletion& completion) noexcept {
    switch (done.kind_) {
    case Kind::accept:
        return complete_accept(done, completion);
    case Kind::connect:
        return complete_connect(done, completion.result);
    case Kind::receive:
        return complete_receive(done, completion);
    case Kind::send:
    case Kind::send_immediately:
        return complete_send(done, completion);
    case Kind::watch_hangup:
        return complete_watch(done, completion);
    case Kind::close:
    case Kind::reset:
        // The descriptor is gone whatever the kernel reports of it.
        return finish_with(done, 0);
    default:  // shutdown, timer
        return finish_with(done, -completion.result);
    }
}

std::size_t UringLoop::complete_accept(Completion& done,
                                       const UringCompletion& completion) noexcept {
    const bool was_canceled = done.state_ == State::canceling;
    const bool is_last = (completion.flags & IORING_CQE_F_MORE) == 0;
    if (completion.result < 0) {
        const int error = -completion.result;
        if (!is_last) {
            return 0;
        }
        if (!was_canceled && socket_calls::concerns_one_connection(error)) {
            submit(done);
            return 0;
        }
        return finish_with(done, was_canceled ? ECANCELED : error);
    }
    // The kernel may end a multishot together with a connection. The accept goes on all the same,
    // or ends with a callback of its own.
    if (is_last && was_canceled) {
        finish_later(done, -ECANCELED);
    } else if (is_last) {
        submit(done);
    }
    Outcome outcome;
    outcome.more = true;
    outcome.socket = Socket{completion.result};
    done.call(outcome);
    return 1;
}

std::size_t UringLoop::complete_connect(Completion& done, int result) noexcept {
    Outcome outcome;
    Socket socket{done.scratch_.fd};
    if (socket) {
        sockets_.of(socket.fd()).target.reset();
    }
    if (result == 0) {
        outcome.socket = std::move(socket);
    } else {
        outcome.error = error_of(done, result);
        // Nothing else is in flight on it.
        socket = Socket{};
    }
    return finish(done, outcome);
}

std::size_t UringLoop::complete_receive(Completion& done,
                                        const UringCompletion& completion) noexcept {
    auto& pool = static_cast<UringBufferPool&>(*done.scratch_.pool);
    if (must_try_again(done, completion.result)) {
        submit(done);
        return 0;
    }
    Outcome outcome;
    if ((completion.flags & IORING_CQE_F_BUFFER) != 0) {
        const std::uint32_t bytes =
            completion.result > 0 ? static_cast<std::uint32_t>(completion.result) : 0;
        outcome.buffer = pool.lease(completion.flags >> IORING_CQE_BUFFER_SHIFT, bytes);
    }
    if (completion.result > 0) {
        outcome.bytes = static_cast<std::size_t>(completion.result);
        return finish(done, outcome);
    }
    outcome.buffer.reset();
    if (completion.result != -ENOBUFS) {
        UringSocket& on_it = sockets_.of(done.scratch_.fd);
        on_it.peer_has_ended = on_it.peer_has_ended || completion.result == 0;
        // A watch may have taken the error that this receive would have told: then the end of the
        // stream is not a clean one.
        outcome.error = completion.result == 0 ? on_it.error : error_of(done, completion.result);
        on_it.remember(outcome.error);
        return finish(done, outcome);
    }
    if (done.state_ == State::canceling) {
        return finish_with(done, ECANCELED);
    }
    set_stage(done, UringStage::starved);
    pool.starve(done, static_cast<std::uint32_t>(done.scratch_.extra));
    return 0;
}

std::size_t UringLoop::complete_send(Completion& done, const UringCompletion& completion) noexcept {
    if (send_step_of(done) != UringSendStep::send) {
        return complete_poll_for_room(done, completion);
    }
    const int result = completion.result;
    if (must_try_again(done, result)) {
        if (result == -EAGAIN) {
            // To submit the send itself again would keep the processor busy for as long as the
            // socket is full, because its wait would be as much in vain.
            set_send_step(done, UringSendStep::poll);
        }
        submit(done);
        return 0;
    }
    Outcome outcome;
    if (result < 0) {
        outcome.error = error_of(done, result);
        sockets_.of(done.scratch_.fd).remember(outcome.error);
    } else {
        outcome.bytes = static_cast<std::size_t>(result);
    }
    return finish(done, outcome);
}

// A FIN makes itself known once, when the poll begins, and again with whatever else happens; it is
// no room. The kernel has one request of a Completion at a time, so that the send is submitted
// again when the poll has ended.
std::size_t UringLoop::complete_poll_for_room(Completion& send,
                                              const UringCompletion& completion) noexcept {
    const bool is_last = (completion.flags & IORING_CQE_F_MORE) == 0;
    if (completion.result > 0 && (completion.result & POLLRDHUP) != 0) {
        sockets_.of(send.scratch_.fd).peer_has_ended = true;
    }
    if (has_room(completion.result) && send_step_of(send) == UringSendStep::poll) {
        set_send_step(send, UringSendStep::ending_poll);
        if (!is_last && send.state_ == State::submitted) {
            end_in_kernel(send);
        }
    }
    if (!is_last) {
        return 0;
    }
    if (send.state_ == State::canceling) {
        return finish_with(send, ECANCELED);
    }
    if (send_step_of(send) == UringSendStep::ending_poll) {
        set_send_step(send, UringSendStep::send);
    } else if (completion.result < 0) {
        return finish_with(send, -completion.result);
    }
    submit(send);
    return 0;
}

// Scratch::extra remembers a hangup while the kernel's multishot poll is still to be ended.
std::size_t UringLoop::complete_watch(Completion& done,
                                      const UringCompletion& completion) noexcept {
    const bool is_last = (completion.flags & IORING_CQE_F_MORE) == 0;
    const bool was_canceled = done.state_ == State::canceling;
    const bool hung_up = done.scratch_.extra != 0 || is_hangup(completion.result);
    if (!is_last) {
        if (hung_up) {
            done.scratch_.extra = 1;
            cancel(done);
        }
        return 0;
    }
    if (hung_up) {
        UringSocket& on_it = sockets_.of(done.scratch_.fd);
        on_it.remember(socket_calls::take_error(done.scratch_.fd));
        return finish_with(done, on_it.error);
    }
    if (completion.result < 0) {
        return finish_with(done, error_of(done, completion.result));
    }
    if (was_canceled) {
        return finish_with(done, ECANCELED);
    }
    submit(done);
    return 0;
}

std::size_t UringLoop::finish_with(Completion& done, int error) noexcept {
    Outcome outcome;
    outcome.error = error;
    return finish(done, outcome);
}

// The last callback of an operation. Inside it `done` may be submitted again or cease to be.
std::size_t UringLoop::finish(Completion& done, Outcome& outcome) noexcept {
    const int fd = done.scratch_.fd;
    if (fd >= 0) {
        UringSocket& on_it = sockets_.of(fd);
        on_it.at(UringSocket::place_of(done.kind_)) = nullptr;
        if (on_it.is_idle()) {
            // The descriptor may be another connection's when it is next used.
            on_it.error = 0;
            on_it.peer_has_ended = false;
        }
    }
    --in_flight_;
    done.state_ = State::idle;
    done.call(outcome);

    if (fd >= 0) {
        UringSocket& on_it = sockets_.of(fd);
        Completion* const end = on_it.at(UringSocket::Place::end);
        if (end != nullptr && stage_of(*end) == UringStage::waiting_for_others &&
            on_it.only_ends()) {
            submit(*end);
        }
    }
    return 1;
}

}  // namespace caponier::io
