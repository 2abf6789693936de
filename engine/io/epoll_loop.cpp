// See epoll_loop.h. A turn: receives that waited for a buffer, events, timers, and then callbacks,
// of which there is a bound, so that sockets that always have more to do keep neither a timer nor
// another socket waiting. Whatever is left over is called back in the next turn, which then does
// not sleep.

#include "engine/io/epoll_loop.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <utility>

#include "engine/io/expects.h"
#include "engine/io/socket_calls.h"

namespace caponier::io {

namespace {

constexpr std::size_t callbacks_per_turn = 64;

TimePoint clock_time() noexcept {
    return std::chrono::steady_clock::now();
}

}  // namespace

IoResult<std::unique_ptr<EpollLoop>> EpollLoop::make() {
    IoResult<Socket> epoll = EpollSet::make_epoll();
    if (!epoll) {
        return tl::unexpected{epoll.error()};
    }
    IoResult<Socket> wakeup = PostQueue::make_wakeup();
    if (!wakeup) {
        return tl::unexpected{wakeup.error()};
    }
    std::unique_ptr<EpollLoop> loop =
        std::make_unique<EpollLoop>(std::move(*epoll), std::move(*wakeup));
    const int error = loop->sockets_.watch_always(loop->posted_.wakeup_fd());
    if (error != 0) {
        return tl::unexpected{IoError{error}};
    }
    return loop;
}

EpollLoop::EpollLoop(Socket epoll, Socket wakeup)
    : sockets_(std::move(epoll)), posted_(std::move(wakeup)), turn_began_(clock_time()) {}

EpollLoop::~EpollLoop() {
    expects(in_flight_ == 0);
    expects(posted_.take() == nullptr);
    expects(pools_.empty());
}

// ---- what answers at once -----------------------------------------------------------------------

IoResult<std::unique_ptr<BufferPool>> EpollLoop::make_pool(const BufferPool::Shape& shape) {
    return std::make_unique<EpollBufferPool>(pools_, shape);
}

IoResult<Socket> EpollLoop::listen(const Address& address, const ListenOptions& options) {
    IoResult<Socket> listener = socket_calls::listen(address, options);
    if (listener) {
        sockets_.forget(listener->fd());
    }
    return listener;
}

Address EpollLoop::local_address(const Socket& socket) const noexcept {
    return socket_calls::local_address(socket.fd());
}

Address EpollLoop::peer_address(const Socket& socket) const noexcept {
    return socket_calls::peer_address(socket.fd());
}

std::size_t EpollLoop::undelivered_bytes(const Socket& socket) const noexcept {
    return socket_calls::undelivered_bytes(socket.fd());
}

void EpollLoop::set_no_delay(const Socket& socket) noexcept {
    socket_calls::set_no_delay(socket.fd());
}

void EpollLoop::set_unsent_low_water(const Socket& socket, std::uint32_t bytes) noexcept {
    socket_calls::set_unsent_low_water(socket.fd(), bytes);
}

void EpollLoop::acknowledge_now(const Socket& socket) noexcept {
    socket_calls::acknowledge_now(socket.fd());
}

// ---- submission ---------------------------------------------------------------------------------

void EpollLoop::begin(Completion& done, Kind kind, int fd) noexcept {
    expects(!done.in_flight());
    done.kind_ = kind;
    done.state_ = State::submitted;
    done.scratch_.fd = fd;
    done.scratch_.result = 0;
    set_stage(done, EpollStage::waits_for_event);
    done.scratch_.pool = nullptr;
    ++in_flight_;
}

void EpollLoop::accept(const Socket& listener, Completion& done) noexcept {
    begin(done, Kind::accept, listener.fd());
    Completion*& reading = sockets_.at(listener.fd()).reading;
    expects(reading == nullptr);
    reading = &done;
    wait_for_event(done);
}

void EpollLoop::connect(const Address& address, Completion& done) noexcept {
    begin(done, Kind::connect, -1);
    IoResult<Socket> made = socket_calls::make_stream(address.family());
    if (!made) {
        finish(done, -made.error().number);
        return;
    }
    // Until the callback the completion owns the descriptor.
    const int fd = made->release();
    done.scratch_.fd = fd;
    sockets_.forget(fd);
    sockets_.at(fd).writing = &done;
    if (::connect(fd, address.data(), address.size()) == 0) {
        finish(done, 0);
    } else if (errno == EINPROGRESS) {
        wait_for_event(done);
    } else {
        finish(done, -errno);
    }
}

void EpollLoop::receive(const Socket& socket,
                        BufferPool& pool,
                        std::uint32_t limit_bytes,
                        Completion& done) noexcept {
    expects(limit_bytes > 0);
    begin(done, Kind::receive, socket.fd());
    done.scratch_.limit_bytes = limit_bytes;
    done.scratch_.pool = &pool;
    Descriptor& descriptor = sockets_.at(socket.fd());
    expects(descriptor.reading == nullptr);
    descriptor.reading = &done;
    if (descriptor.may_be_readable) {
        try_receive(done);
    } else {
        wait_for_event(done);
    }
}

void EpollLoop::send(const Socket& socket,
                     std::span<const Piece> pieces,
                     Completion& done) noexcept {
    submit_send(socket, pieces, done, Kind::send);
}

void EpollLoop::send_immediately(const Socket& socket,
                                 std::span<const Piece> pieces,
                                 Completion& done) noexcept {
    submit_send(socket, pieces, done, Kind::send_immediately);
}

void EpollLoop::submit_send(const Socket& socket,
                            std::span<const Piece> pieces,
                            Completion& done,
                            Kind kind) noexcept {
    begin(done, kind, socket.fd());
    // sendmsg() does not write to the pieces; its type is shared with recvmsg().
    done.scratch_.message = msghdr{};
    done.scratch_.message.msg_iov = const_cast<iovec*>(pieces.data());
    done.scratch_.message.msg_iovlen = std::min(pieces.size(), std::size_t{IOV_MAX});
    Completion*& writing = sockets_.at(socket.fd()).writing;
    expects(writing == nullptr);
    writing = &done;
    try_send(done);
}

void EpollLoop::shutdown(const Socket& socket, Completion& done) noexcept {
    begin(done, Kind::shutdown, socket.fd());
    finish(done, ::shutdown(socket.fd(), SHUT_WR) == 0 ? 0 : -errno);
}

void EpollLoop::watch_hangup(const Socket& socket, Completion& done) noexcept {
    begin(done, Kind::watch_hangup, socket.fd());
    Completion*& watching = sockets_.at(socket.fd()).watching;
    expects(watching == nullptr);
    watching = &done;
    wait_for_event(done);
}

void EpollLoop::close(Socket&& socket, Completion& done) noexcept {
    end_socket(std::move(socket), done, Kind::close);
}

void EpollLoop::reset(Socket&& socket, Completion& done) noexcept {
    end_socket(std::move(socket), done, Kind::reset);
}

void EpollLoop::end_socket(Socket&& socket, Completion& done, Kind kind) noexcept {
    begin(done, kind, socket.release());
    const Descriptor descriptor = sockets_.at(done.scratch_.fd);
    for (Completion* const operation :
         {descriptor.reading, descriptor.writing, descriptor.watching}) {
        if (operation != nullptr) {
            cancel(*operation);
        }
    }
    // Their callbacks run before this one, which is when the descriptor is closed.
    finish(done, 0);
}

void EpollLoop::wait_until(TimePoint due, Completion& done) noexcept {
    begin(done, Kind::timer, -1);
    timers_.insert(due, done);
}

void EpollLoop::cancel(Completion& done) noexcept {
    const bool is_waiting = done.state_ == State::submitted;
    switch (done.kind_) {
    case Kind::accept:
        // Also where connections wait to be called back: they stay in the listener's backlog.
        if (is_waiting) {
            finish_canceled(done);
        } else if (done.state_ == State::ready && done.scratch_.result == 0) {
            done.scratch_.result = -ECANCELED;
        }
        break;
    case Kind::timer:
        if (is_waiting) {
            timers_.remove(done);
            finish_canceled(done);
        }
        break;
    case Kind::receive:
        if (is_waiting && stage_of(done) == EpollStage::waits_for_buffer) {
            static_cast<EpollBufferPool*>(done.scratch_.pool)->forget(done);
        }
        [[fallthrough]];
    case Kind::connect:
    case Kind::send:
    case Kind::watch_hangup:
        if (is_waiting) {
            finish_canceled(done);
        }
        break;
    case Kind::none:
    case Kind::send_immediately:
    case Kind::shutdown:
    case Kind::close:
    case Kind::reset:
    case Kind::post:
        break;
    }
}

void EpollLoop::post(Completion& done) noexcept {
    posted_.push(done);
}

void EpollLoop::finish(Completion& done, std::int64_t result) noexcept {
    done.scratch_.result = static_cast<int>(std::min<std::int64_t>(result, INT_MAX));
    done.state_ = State::ready;
    ready_.push_back(done);
}

void EpollLoop::finish_canceled(Completion& done) noexcept {
    finish(done, -ECANCELED);
}

// ---- the turn -----------------------------------------------------------------------------------

std::size_t EpollLoop::run_once(bool wait) noexcept {
    expects(!is_running_);
    is_running_ = true;
    do {
        feed_starved();
        for (const epoll_event& event : sockets_.wait(time_to_sleep(wait))) {
            if (event.data.fd == posted_.wakeup_fd()) {
                take_posted();
            } else {
                serve_event(event.data.fd, event.events);
            }
        }
        turn_began_ = clock_time();
        expire_timers();
    } while (wait && ready_.empty());
    const std::size_t ran = run_ready();
    is_running_ = false;
    return ran;
}

void EpollLoop::feed_starved() noexcept {
    for (EpollBufferPool* const pool : pools_) {
        while (pool->can_feed()) {
            try_receive(pool->next_starved());
        }
    }
}

std::optional<std::chrono::nanoseconds> EpollLoop::time_to_sleep(bool wait) const noexcept {
    if (!wait || !ready_.empty()) {
        return std::chrono::nanoseconds{0};
    }
    const std::optional<TimePoint> due = timers_.next_due();
    if (!due) {
        return std::nullopt;
    }
    return std::max(*due - clock_time(), std::chrono::nanoseconds{0});
}

void EpollLoop::take_posted() noexcept {
    posted_.clear_wakeup();
    Completion* next = posted_.take();
    while (next != nullptr) {
        Completion& done = *std::exchange(next, next->scratch_.next);
        ++in_flight_;
        finish(done, 0);
    }
}

void EpollLoop::expire_timers() noexcept {
    while (Completion* const timer = timers_.pop_due(turn_began_)) {
        finish(*timer, 0);
    }
}

std::size_t EpollLoop::run_ready() noexcept {
    std::size_t ran = 0;
    while (!ready_.empty() && ran < callbacks_per_turn) {
        ran += call_back(ready_.pop_front());
    }
    return ran;
}

}  // namespace caponier::io
