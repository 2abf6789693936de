// What each kind of operation does with its socket, how often it is tried, and what it tells its
// submitter; the second half of epoll_loop.cpp. No call in this file ever waits.

#include <algorithm>
#include <cerrno>
#include <utility>

#include <sys/socket.h>

#include "engine/io/epoll_loop.h"
#include "engine/io/expects.h"
#include "engine/io/socket_calls.h"

namespace caponier::io {

namespace {

/// Connections taken from one listener before others have their turn.
constexpr std::size_t accepts_per_turn = 32;

bool is_waiting(const Completion* operation) noexcept {
    return operation != nullptr && operation->state_ == Completion::State::submitted;
}

bool would_wait(int error) noexcept {
    return error == EAGAIN || error == EWOULDBLOCK;
}

}  // namespace

void EpollLoop::serve_event(int fd, std::uint32_t events) noexcept {
    Descriptor& descriptor = sockets_.at(fd);
    const bool has_ended = (events & (EPOLLHUP | EPOLLERR)) != 0;
    if ((events & EPOLLIN) != 0 || has_ended) {
        descriptor.may_be_readable = true;
        // One that waits for a buffer is tried again when there is one.
        if (is_waiting(descriptor.reading) &&
            stage_of(*descriptor.reading) == EpollStage::waits_for_event) {
            if (descriptor.reading->kind_ == Kind::accept) {
                finish(*descriptor.reading, 0);
            } else {
                try_receive(*descriptor.reading);
            }
        }
    }
    if (((events & EPOLLOUT) != 0 || has_ended) && is_waiting(descriptor.writing)) {
        if (descriptor.writing->kind_ == Kind::connect) {
            finish_connect(*descriptor.writing);
        } else {
            try_send(*descriptor.writing);
        }
    }
    // Last, because asking for the socket's error takes it away from the receive.
    if (has_ended && is_waiting(descriptor.watching)) {
        finish_watch(*descriptor.watching);
    }
    sockets_.quieten(fd, events);
}

void EpollLoop::wait_for_event(Completion& operation) noexcept {
    set_stage(operation, EpollStage::waits_for_event);
    const int error = sockets_.arm(operation.scratch_.fd);
    if (error != 0) {
        finish(operation, -error);
    }
}

void EpollLoop::try_receive(Completion& receive) noexcept {
    EpollBufferPool& pool = static_cast<EpollBufferPool&>(*receive.scratch_.pool);
    const std::optional<std::uint32_t> index = pool.take();
    if (!index) {
        set_stage(receive, EpollStage::waits_for_buffer);
        pool.starve(receive);
        return;
    }
    const std::span<std::byte> space = pool.space(*index);
    const std::size_t wanted = std::min<std::size_t>(space.size(), receive.scratch_.limit_bytes);
    const ssize_t received = ::recv(receive.scratch_.fd, space.data(), wanted, MSG_DONTWAIT);
    const int error = received < 0 ? errno : 0;
    if (received <= 0) {
        pool.give_back(*index);
    }

    Descriptor& descriptor = sockets_.at(receive.scratch_.fd);
    // A guess that saves a call: whatever it is, epoll tells of what it missed.
    descriptor.may_be_readable = received == static_cast<ssize_t>(wanted);
    if (would_wait(error) || error == EINTR) {
        wait_for_event(receive);
        return;
    }
    if (error != 0) {
        descriptor.error = error;
    }
    if (received == 0 && descriptor.error != 0) {
        // Another operation was told the error that this one would have got: no clean end.
        finish(receive, -descriptor.error);
        return;
    }
    receive.scratch_.extra = *index;
    finish(receive, received < 0 ? -error : received);
}

void EpollLoop::try_send(Completion& send) noexcept {
    const ssize_t sent =
        ::sendmsg(send.scratch_.fd, &send.scratch_.message, MSG_DONTWAIT | MSG_NOSIGNAL);
    const int error = sent < 0 ? errno : 0;
    if ((would_wait(error) || error == EINTR) && send.kind_ == Kind::send) {
        wait_for_event(send);
        return;
    }
    if (sent < 0 && !would_wait(error) && error != EPIPE) {
        sockets_.at(send.scratch_.fd).error = error;
    }
    finish(send, sent < 0 ? -error : sent);
}

void EpollLoop::finish_connect(Completion& connect) noexcept {
    finish(connect, -socket_calls::take_error(connect.scratch_.fd));
}

void EpollLoop::finish_watch(Completion& watch) noexcept {
    Descriptor& descriptor = sockets_.at(watch.scratch_.fd);
    const int error = socket_calls::take_error(watch.scratch_.fd);
    if (error != 0) {
        descriptor.error = error;
    }
    finish(watch, -descriptor.error);
}

std::size_t EpollLoop::call_back(Completion& operation) noexcept {
    if (operation.kind_ == Kind::accept) {
        return accept_waiting(operation);
    }
    const int result = operation.scratch_.result;
    Outcome outcome;
    outcome.error = result < 0 ? -result : 0;
    switch (operation.kind_) {
    case Kind::receive:
        if (result > 0) {
            outcome.bytes = static_cast<std::size_t>(result);
            outcome.buffer = Lease{*operation.scratch_.pool,
                                   static_cast<std::uint32_t>(operation.scratch_.extra),
                                   static_cast<std::uint32_t>(result)};
        }
        break;
    case Kind::send:
    case Kind::send_immediately:
        outcome.bytes = static_cast<std::size_t>(std::max(result, 0));
        break;
    case Kind::connect: {
        Socket made{operation.scratch_.fd};
        if (result == 0) {
            outcome.socket = std::move(made);
        }
        break;
    }
    case Kind::reset:
    case Kind::close: {
        socket_calls::set_reset_on_close(operation.scratch_.fd, operation.kind_ == Kind::reset);
        sockets_.forget(operation.scratch_.fd);
        const Socket closed{operation.scratch_.fd};
        break;
    }
    default:
        break;
    }
    release(operation);
    operation.call(outcome);
    return 1;
}

std::size_t EpollLoop::accept_waiting(Completion& accept) noexcept {
    // Stays ready, though on no list, while it calls back: cancel() then only leaves its mark.
    std::size_t ran = 0;
    for (std::size_t count = 0; count < accepts_per_turn && accept.scratch_.result == 0; ++count) {
        Socket accepted{
            ::accept4(accept.scratch_.fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
        if (accepted) {
            sockets_.forget(accepted.fd());
            Outcome outcome;
            outcome.socket = std::move(accepted);
            outcome.more = true;
            accept.call(outcome);
            ++ran;
        } else if (would_wait(errno)) {
            accept.state_ = State::submitted;
            wait_for_event(accept);
            return ran;
        } else if (!socket_calls::concerns_one_connection(errno)) {
            accept.scratch_.result = -errno;
        }
    }
    if (accept.scratch_.result == 0) {
        ready_.push_back(accept);
        return ran;
    }
    end_accept(accept);
    return ran + 1;
}

void EpollLoop::end_accept(Completion& accept) noexcept {
    Outcome outcome;
    outcome.error = -accept.scratch_.result;
    release(accept);
    accept.call(outcome);
}

void EpollLoop::release(Completion& operation) noexcept {
    const int fd = operation.scratch_.fd;
    operation.state_ = State::idle;
    --in_flight_;
    if (fd < 0) {
        return;
    }
    Descriptor& descriptor = sockets_.at(fd);
    for (Completion** const place :
         {&descriptor.reading, &descriptor.writing, &descriptor.watching}) {
        if (*place == &operation) {
            *place = nullptr;
        }
    }
    if (descriptor.is_idle()) {
        descriptor.is_armed = false;
        descriptor.error = 0;
    }
}

}  // namespace caponier::io
