// The turn of a UringLoop and the submission of its operations. What comes back is judged in
// uring_operations.cpp.

#include "engine/io/uring_loop.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include <poll.h>

#include "engine/io/expects.h"
#include "engine/io/socket_calls.h"
#include "engine/io/uring_probe.h"
#include "engine/io/uring_stage.h"

namespace caponier::io {

namespace {

// Callbacks of one turn, so that timers stay punctual under load.
constexpr std::size_t completions_per_turn_max = 1024;

// What the program ends with where the connection failed, and what ssh does.
constexpr int exit_code_without_memory = 255;

// user_data that is no Completion: nobody asks what became of a cancellation.
constexpr std::uint64_t cancellation_data = 0;
constexpr std::uint64_t wakeup_data = 1;

std::uint64_t data_of(const Completion& operation) noexcept {
    return reinterpret_cast<std::uintptr_t>(&operation);
}

Completion& operation_of(std::uint64_t data) noexcept {
    return *reinterpret_cast<Completion*>(static_cast<std::uintptr_t>(data));
}

void check_enter(int result) noexcept {
    switch (result) {
    case 0:
    case -EINTR:  // these two end a sleep
    case -ETIME:
    case -EBUSY:  // these leave submissions for the next turn
    case -EAGAIN:
    case -ENOMEM:
        return;
    case -EBADR:
        // The completion queue was full and there was no memory to keep a completion beside it.
        // Nobody knows whose it was: that operation, its buffer and its socket would never end.
        std::fputs(
            "caponier: the kernel had no memory left and lost a completion of io_uring (give the "
            "machine or the cgroup more memory, or use --io=epoll)\n",
            stderr);
        std::_Exit(exit_code_without_memory);
    default:
        expects(false);  // our own mistake
    }
}

}  // namespace

tl::expected<std::unique_ptr<UringLoop>, std::string> UringLoop::make(const UringOptions& options) {
    tl::expected<std::unique_ptr<UringRing>, UringRefusal> ring = UringRing::make(options);
    if (!ring) {
        return tl::unexpected{explain(ring.error())};
    }
    if (const std::optional<UringRefusal> missing = find_missing_operation(**ring)) {
        return tl::unexpected{explain(*missing)};
    }
    IoResult<Socket> wakeup = PostQueue::make_wakeup();
    if (!wakeup) {
        return tl::unexpected{explain({.call = "eventfd", .error = wakeup.error().number})};
    }
    return std::make_unique<UringLoop>(std::move(*ring), std::move(*wakeup));
}

UringLoop::UringLoop(std::unique_ptr<UringRing> ring, Socket wakeup) noexcept
    : ring_(std::move(ring)), posted_(std::move(wakeup)), now_(TimePoint::clock::now()) {}

UringLoop::~UringLoop() {
    expects(in_flight_ == 0);
    expects(
        std::ranges::all_of(pools_, [](const UringBufferPool* pool) { return pool == nullptr; }));
}

std::string UringLoop::describe() const {
    return "io_uring (" + ring_->describe_flags() + ")";
}

// ---- the turn ---------------------------------------------------------------------------------

std::size_t UringLoop::run_once(bool wait) noexcept {
    feed_starved();
    prepare_pending();
    const bool sleep = wait && may_sleep();
    check_enter(ring_->enter(sleep, sleep ? time_to_next_timer() : std::nullopt));
    now_ = TimePoint::clock::now();

    shut_down_pending();
    expire_timers();
    return run_ready() + run_completions();
}

// Gives buffers back to the kernel and lets as many starved receives try again as there are
// buffers.
void UringLoop::feed_starved() noexcept {
    for (UringBufferPool* const pool : pools_) {
        if (pool == nullptr) {
            continue;
        }
        pool->publish_returned();
        for (std::uint32_t free = pool->available(); free > 0 && pool->can_feed(); --free) {
            submit(pool->next_starved());
        }
    }
}

void UringLoop::prepare_pending() noexcept {
    prepare_wakeup();
    while (!pending_.empty() && ring_->has_room()) {
        prepare(pending_.pop_front());
    }
}

void UringLoop::prepare_wakeup() noexcept {
    if (is_wakeup_armed_ || !ring_->has_room()) {
        return;
    }
    io_uring_sqe& submission = ring_->next_submission();
    io_uring_prep_poll_multishot(&submission, posted_.wakeup_fd(), POLLIN);
    submission.user_data = wakeup_data;
    is_wakeup_armed_ = true;
}

void UringLoop::prepare(Completion& operation) noexcept {
    Completion::Scratch& scratch = operation.scratch_;
    if (operation.kind_ == Kind::shutdown) {
        // The kernel's own shutdown operation runs on a worker thread. A system call behind the
        // sends of this turn is cheaper and keeps the order.
        shutdowns_.push_back(operation);
        return;
    }
    io_uring_sqe& submission = ring_->next_submission();
    if (stage_of(operation) == UringStage::cancel_pending) {
        io_uring_prep_cancel64(&submission, data_of(operation), 0);
        submission.user_data = cancellation_data;
        submission.flags |= IOSQE_CQE_SKIP_SUCCESS;
        set_stage(operation, UringStage::in_kernel);
        return;
    }
    switch (operation.kind_) {
    case Kind::accept:
        io_uring_prep_multishot_accept(
            &submission, scratch.fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        break;
    case Kind::connect: {
        const Address& target = *sockets_.of(scratch.fd).target;
        io_uring_prep_connect(&submission, scratch.fd, target.data(), target.size());
        break;
    }
    case Kind::receive: {
        const auto& pool = static_cast<const UringBufferPool&>(*scratch.pool);
        io_uring_prep_recv(&submission, scratch.fd, nullptr, scratch.limit_bytes, 0);
        submission.flags |= IOSQE_BUFFER_SELECT;
        submission.buf_group = pool.group();
        scratch.extra = pool.publications();
        break;
    }
    case Kind::send:
        prepare_send(submission, operation);
        break;
    case Kind::send_immediately:
        io_uring_prep_sendmsg(
            &submission, scratch.fd, &scratch.message, MSG_NOSIGNAL | MSG_DONTWAIT);
        break;
    case Kind::watch_hangup:
        // Errors and hangups are always watched. Multishot, because the kernel also wakes the watch
        // for the peer's FIN, and a single shot would be over with it.
        io_uring_prep_poll_multishot(&submission, scratch.fd, 0);
        break;
    case Kind::reset:
    case Kind::close:
        socket_calls::set_reset_on_close(scratch.fd, operation.kind_ == Kind::reset);
        io_uring_prep_close(&submission, scratch.fd);
        // From now on the number may be another socket's, before the loop hears that it was closed.
        sockets_.forget(std::exchange(scratch.fd, -1));
        break;
    default:
        expects(false);
    }
    submission.user_data = data_of(operation);
    set_stage(operation, UringStage::in_kernel);
}

void UringLoop::prepare_send(io_uring_sqe& submission, Completion& send) noexcept {
    Completion::Scratch& scratch = send.scratch_;
    if (send_step_of(send) == UringSendStep::poll) {
        // Multishot, because that is woken by what changes; a single shot is over at once where the
        // peer has sent its FIN, which the kernel adds to whatever is polled for.
        io_uring_prep_poll_multishot(&submission, scratch.fd, POLLOUT);
        return;
    }
    const unsigned patience = sockets_.of(scratch.fd).peer_has_ended ? unsigned{MSG_DONTWAIT} : 0;
    io_uring_prep_sendmsg(&submission, scratch.fd, &scratch.message, MSG_NOSIGNAL | patience);
}

bool UringLoop::may_sleep() const noexcept {
    const bool starved_may_go_on = std::ranges::any_of(
        pools_, [](const UringBufferPool* pool) { return pool != nullptr && pool->can_feed(); });
    return ready_.empty() && pending_.empty() && shutdowns_.empty() && !starved_may_go_on &&
           ring_->completions_ready() == 0;
}

std::optional<TimePoint::duration> UringLoop::time_to_next_timer() const noexcept {
    const std::optional<TimePoint> due = timers_.next_due();
    if (!due) {
        return std::nullopt;
    }
    return std::max(*due - TimePoint::clock::now(), TimePoint::duration::zero());
}

void UringLoop::shut_down_pending() noexcept {
    while (!shutdowns_.empty()) {
        Completion& done = shutdowns_.pop_front();
        finish_later(done, -socket_calls::end_sending(done.scratch_.fd));
    }
}

void UringLoop::expire_timers() noexcept {
    while (Completion* const timer = timers_.pop_due(now_)) {
        finish_later(*timer, 0);
    }
}

// Calls back for what was ready when the turn began; what becomes ready meanwhile waits for the
// next.
std::size_t UringLoop::run_ready() noexcept {
    std::size_t calls = 0;
    for (std::size_t left = ready_count_; left > 0; --left) {
        Completion& done = ready_.pop_front();
        --ready_count_;
        calls += complete(done, {.user_data = 0, .result = done.scratch_.result, .flags = 0});
    }
    return calls;
}

// The completion queue is the list of what is ready: callbacks run from here and only link what
// they submit, so none runs inside another.
std::size_t UringLoop::run_completions() noexcept {
    std::size_t calls = 0;
    std::size_t left = std::min(ring_->completions_ready(), completions_per_turn_max);
    for (; left > 0; --left) {
        const UringCompletion completion = ring_->take_completion();
        if (completion.user_data == cancellation_data) {
            continue;
        }
        if (completion.user_data == wakeup_data) {
            is_wakeup_armed_ = (completion.flags & IORING_CQE_F_MORE) != 0;
            calls += run_posted();
            continue;
        }
        Completion& operation = operation_of(completion.user_data);
        const bool is_last = (completion.flags & IORING_CQE_F_MORE) == 0;
        if (is_last && stage_of(operation) == UringStage::cancel_pending) {
            // It ended before the kernel could be asked to end it.
            pending_.remove(operation);
        }
        calls += complete(operation, completion);
    }
    return calls;
}

std::size_t UringLoop::run_posted() noexcept {
    posted_.clear_wakeup();
    std::size_t calls = 0;
    Completion* next = posted_.take();
    while (next != nullptr) {
        Completion& done = *std::exchange(next, next->scratch_.next);
        done.state_ = State::idle;
        Outcome outcome;
        done.call(outcome);
        ++calls;
    }
    return calls;
}

// ---- what answers at once ---------------------------------------------------------------------

IoResult<std::unique_ptr<BufferPool>> UringLoop::make_pool(const BufferPool::Shape& shape) {
    IoResult<std::unique_ptr<UringBufferPool>> made = UringBufferPool::make(*ring_, pools_, shape);
    if (!made) {
        return tl::unexpected{made.error()};
    }
    return std::unique_ptr<BufferPool>{std::move(*made)};
}

IoResult<Socket> UringLoop::listen(const Address& address, const ListenOptions& options) {
    return socket_calls::listen(address, options);
}

Address UringLoop::local_address(const Socket& socket) const noexcept {
    return socket_calls::local_address(socket.fd());
}

Address UringLoop::peer_address(const Socket& socket) const noexcept {
    return socket_calls::peer_address(socket.fd());
}

std::size_t UringLoop::undelivered_bytes(const Socket& socket) const noexcept {
    return socket_calls::undelivered_bytes(socket.fd());
}

void UringLoop::set_no_delay(const Socket& socket) noexcept {
    socket_calls::set_no_delay(socket.fd());
}

void UringLoop::set_unsent_low_water(const Socket& socket, std::uint32_t bytes) noexcept {
    socket_calls::set_unsent_low_water(socket.fd(), bytes);
}

void UringLoop::acknowledge_now(const Socket& socket) noexcept {
    socket_calls::acknowledge_now(socket.fd());
}

// ---- submission -------------------------------------------------------------------------------

void UringLoop::accept(const Socket& listener, Completion& done) noexcept {
    begin(done, Kind::accept, listener.fd());
    submit(done);
}

void UringLoop::connect(const Address& address, Completion& done) noexcept {
    IoResult<Socket> made = socket_calls::make_stream(address.family());
    if (!made) {
        begin(done, Kind::connect, -1);
        finish_later(done, -made.error().number);
        return;
    }
    // complete_connect() makes a Socket of the descriptor again, whatever the connect comes to.
    const int fd = made->release();
    begin(done, Kind::connect, fd);
    sockets_.of(fd).target = std::make_unique<Address>(address);
    submit(done);
}

void UringLoop::receive(const Socket& socket,
                        BufferPool& pool,
                        std::uint32_t limit_bytes,
                        Completion& done) noexcept {
    expects(limit_bytes > 0);
    begin(done, Kind::receive, socket.fd());
    done.scratch_.pool = &pool;
    done.scratch_.limit_bytes = std::min(limit_bytes, pool.shape().buffer_bytes);
    submit(done);
}

void UringLoop::send(const Socket& socket,
                     std::span<const Piece> pieces,
                     Completion& done) noexcept {
    submit_send(socket, pieces, done, Kind::send);
}

void UringLoop::send_immediately(const Socket& socket,
                                 std::span<const Piece> pieces,
                                 Completion& done) noexcept {
    submit_send(socket, pieces, done, Kind::send_immediately);
}

void UringLoop::submit_send(const Socket& socket,
                            std::span<const Piece> pieces,
                            Completion& done,
                            Kind kind) noexcept {
    begin(done, kind, socket.fd());
    msghdr& message = done.scratch_.message;
    message = msghdr{};
    // The kernel only reads through these pointers; its structure serves recvmsg too.
    message.msg_iov = const_cast<Piece*>(pieces.data());
    message.msg_iovlen = std::min<std::size_t>(pieces.size(), IOV_MAX);
    set_send_step(done, UringSendStep::send);
    submit(done);
}

void UringLoop::shutdown(const Socket& socket, Completion& done) noexcept {
    begin(done, Kind::shutdown, socket.fd());
    submit(done);
}

void UringLoop::watch_hangup(const Socket& socket, Completion& done) noexcept {
    begin(done, Kind::watch_hangup, socket.fd());
    done.scratch_.extra = 0;
    submit(done);
}

void UringLoop::close(Socket&& socket, Completion& done) noexcept {
    end_socket(std::move(socket), done, Kind::close);
}

void UringLoop::reset(Socket&& socket, Completion& done) noexcept {
    end_socket(std::move(socket), done, Kind::reset);
}

void UringLoop::end_socket(Socket&& socket, Completion& done, Kind kind) noexcept {
    const int fd = socket.release();
    begin(done, kind, fd);
    UringSocket& on_it = sockets_.of(fd);
    if (on_it.only_ends()) {
        submit(done);
        return;
    }
    // finish() submits the close behind the last of the others.
    set_stage(done, UringStage::waiting_for_others);
    for (Completion* const other : on_it.operations) {
        if (other != nullptr) {
            cancel(*other);
        }
    }
}

void UringLoop::wait_until(TimePoint due, Completion& done) noexcept {
    begin(done, Kind::timer, -1);
    timers_.insert(due, done);
}

void UringLoop::post(Completion& done) noexcept {
    posted_.push(done);
}

void UringLoop::cancel(Completion& done) noexcept {
    if (done.state_ != State::submitted) {
        return;
    }
    switch (done.kind_) {
    case Kind::accept:
    case Kind::connect:
    case Kind::receive:
    case Kind::send:
    case Kind::send_immediately:
    case Kind::watch_hangup:
        break;
    case Kind::timer:
        timers_.remove(done);
        finish_later(done, -ECANCELED);
        return;
    default:  // the rest cannot be canceled
        return;
    }
    switch (stage_of(done)) {
    case UringStage::pending:
        pending_.remove(done);
        finish_later(done, -ECANCELED);
        break;
    case UringStage::starved:
        static_cast<UringBufferPool&>(*done.scratch_.pool).forget(done);
        finish_later(done, -ECANCELED);
        break;
    case UringStage::cancel_pending:
        // A send whose poll is being ended: nothing of it is left in the kernel after that.
        done.state_ = State::canceling;
        break;
    default:
        done.state_ = State::canceling;
        end_in_kernel(done);
    }
}

void UringLoop::end_in_kernel(Completion& operation) noexcept {
    set_stage(operation, UringStage::cancel_pending);
    pending_.push_back(operation);
}

void UringLoop::begin(Completion& done, Kind kind, int fd) noexcept {
    expects(!done.in_flight());
    done.kind_ = kind;
    done.state_ = State::submitted;
    done.scratch_.fd = fd;
    ++in_flight_;
    if (fd >= 0) {
        Completion*& place = sockets_.of(fd).at(UringSocket::place_of(kind));
        expects(place == nullptr);
        place = &done;
    }
}

void UringLoop::submit(Completion& done) noexcept {
    set_stage(done, UringStage::pending);
    pending_.push_back(done);
}

void UringLoop::finish_later(Completion& done, int result) noexcept {
    done.state_ = State::ready;
    done.scratch_.result = result;
    ready_.push_back(done);
    ++ready_count_;
}

}  // namespace caponier::io
