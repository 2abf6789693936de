// Operations over a SimNetwork. The life of one: submit, attempt (again whenever its socket or pool
// changed), finish with an outcome, make ready after a delay, call back in a turn. What an attempt
// does is sim_operations.cpp's, what bytes and sockets do is sim_network.cpp's.

#include "tests/sim/sim_loop.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "engine/io/expects.h"
#include "tests/sim/pieces.h"

namespace caponier::sim {

using io::expects;

namespace {

constexpr std::array<const char*, 12> kind_names{"none",
                                                 "accept",
                                                 "connect",
                                                 "receive",
                                                 "send",
                                                 "send_immediately",
                                                 "shutdown",
                                                 "close",
                                                 "reset",
                                                 "watch_hangup",
                                                 "timer",
                                                 "post"};

const char* name_of(io::Completion::Kind kind) {
    return kind_names[static_cast<std::size_t>(kind)];
}

}  // namespace

SimLoop::SimLoop(SimNetwork& network, const Faults& faults)
    : network_(network), faults_(faults), turn_began_(network.now()) {
    network_.join(*this);
}

SimLoop::~SimLoop() {
    expects(in_flight() == 0);
    expects(pools_.empty());
    network_.leave(*this);
}

std::size_t SimLoop::in_flight() const noexcept {
    const std::lock_guard lock{posted_mutex_};
    return operations_.size() + posted_.size();
}

std::size_t SimLoop::leases_out() const noexcept {
    std::size_t leases = 0;
    for (const SimPool* pool : pools_) {
        leases += pool->leases_out();
    }
    return leases;
}

std::string SimLoop::describe_in_flight() const {
    std::string text;
    for (const auto& [id, operation] : operations_) {
        text += std::string{name_of(operation.kind)} + " on socket " +
                std::to_string(operation.socket) + (operation.finished ? ", finished\n" : "\n");
    }
    return text;
}

// ---- a turn ------------------------------------------------------------------------------------

std::size_t SimLoop::run_once(bool wait) noexcept {
    network_.begin_turn();
    take_posts();
    network_.run_others(*this);
    while (wait && ready_.empty()) {
        if (network_.run_others(*this) > 0) {
            network_.begin_turn();  // theirs took time, too
        } else if (!network_.advance()) {
            break;
        }
        take_posts();  // of the others
    }
    const std::size_t ran = run_ready();
    stalled_ = wait && ran == 0;
    return ran;
}

std::size_t SimLoop::run_ready() noexcept {
    expects(!running_);
    running_ = true;
    take_posts();
    turn_began_ = network_.now();
    // What the callbacks submit is not looked at before the next turn.
    const std::vector<Id> turn = std::exchange(ready_, {});
    for (const Id id : turn) {
        call_back(id);
    }
    if (after_turn_ && !turn.empty()) {
        after_turn_();
    }
    running_ = false;
    return turn.size();
}

void SimLoop::take_posts() {
    std::vector<io::Completion*> posted;
    {
        const std::lock_guard lock{posted_mutex_};
        posted.swap(posted_);
    }
    for (io::Completion* completion : posted) {
        const Id id = next_id_++;
        completion->scratch_.extra = id;
        Operation& operation = operations_[id];
        operation.completion = completion;
        operation.kind = Kind::post;
        operation.finished = true;
        ready_.push_back(id);
    }
}

void SimLoop::call_back(Id id) {
    Operation& operation = operations_.at(id);
    Trace& trace = network_.trace();
    trace.add(static_cast<std::uint64_t>(turn_began_.time_since_epoch().count()));
    trace.add(static_cast<std::uint64_t>(operation.kind));
    trace.add(static_cast<std::uint64_t>(operation.socket));
    trace.add(static_cast<std::uint64_t>(operation.outcome.error));
    trace.add(operation.outcome.bytes);
    if (trace.is_printed()) {
        std::fprintf(stderr,
                     "%12lld ns  %-16s socket %-3d error %-3d bytes %zu\n",
                     static_cast<long long>(turn_began_.time_since_epoch().count()),
                     name_of(operation.kind),
                     operation.socket < 0 ? -1 : operation.socket & 0xffff,
                     operation.outcome.error,
                     operation.outcome.bytes);
    }
    if (operation.outcome.more) {
        call_back_accepted(id);
        return;
    }
    const int socket = operation.socket;
    io::Completion& completion = *operation.completion;
    io::Outcome outcome = std::move(operation.outcome);
    operations_.erase(id);
    completion.state_ = io::Completion::State::idle;
    completion.kind_ = Kind::none;
    completion.call(outcome);
    forget_unclaimed(outcome);
    // A close waits for the callbacks of what it canceled.
    for (const auto& [other_id, other] : operations_) {
        if (other.socket == socket && (other.kind == Kind::close || other.kind == Kind::reset)) {
            schedule_attempt(other_id, {});
            break;
        }
    }
}

/// The accept goes on: it stays in flight during its callback.
void SimLoop::call_back_accepted(Id id) {
    Operation& operation = operations_.at(id);
    io::Outcome outcome = std::exchange(operation.outcome, io::Outcome{});
    operation.finished = false;
    io::Completion& completion = *operation.completion;
    const bool was_canceled = operation.cancel_asked;
    completion.call(outcome);
    forget_unclaimed(outcome);
    // An accept is called back for the last time outside this call, so it is still there.
    if (was_canceled) {
        finish(id, ECANCELED);
    } else {
        schedule_attempt(id, lateness());
    }
}

/// A socket that the callback did not want is closed by its destructor; here, that is told to the
/// network.
void SimLoop::forget_unclaimed(io::Outcome& outcome) {
    if (outcome.socket) {
        network_.close(outcome.socket.release());
    }
}

// ---- what answers at once ----------------------------------------------------------------------

io::IoResult<std::unique_ptr<io::BufferPool>> SimLoop::make_pool(
    const io::BufferPool::Shape& shape) {
    expects(std::has_single_bit(shape.buffers));
    expects(shape.buffers <= 32'768);
    expects(shape.buffer_bytes > 0);
    PoolObserver& observer = *this;
    auto pool = std::make_unique<SimPool>(shape, observer);
    pools_.push_back(pool.get());
    return pool;
}

io::IoResult<io::Socket> SimLoop::listen(const io::Address& address, const io::ListenOptions&) {
    const io::IoResult<int> number = network_.listen(address);
    if (!number) {
        return tl::unexpected{number.error()};
    }
    return io::Socket{*number};
}

io::Address SimLoop::local_address(const io::Socket& socket) const noexcept {
    return network_.local_address(socket.fd());
}

io::Address SimLoop::peer_address(const io::Socket& socket) const noexcept {
    return network_.peer_address(socket.fd());
}

std::size_t SimLoop::undelivered_bytes(const io::Socket& socket) const noexcept {
    return network_.undelivered_bytes(socket.fd());
}

void SimLoop::set_no_delay(const io::Socket& socket) noexcept {
    expects(bool{socket});
}

void SimLoop::set_unsent_low_water(const io::Socket& socket, std::uint32_t) noexcept {
    expects(bool{socket});
}

void SimLoop::acknowledge_now(const io::Socket& socket) noexcept {
    expects(bool{socket});
}

// ---- submitting --------------------------------------------------------------------------------

SimLoop::Id SimLoop::submit(io::Completion& done, Operation&& operation) {
    expects(!done.in_flight());
    const Id id = next_id_++;
    done.state_ = io::Completion::State::submitted;
    done.kind_ = operation.kind;
    done.scratch_.extra = id;
    operation.completion = &done;
    if (operation.socket >= 0) {
        network_.watch(operation.socket, *this);
    }
    operations_.emplace(id, std::move(operation));
    return id;
}

void SimLoop::expect_alone(int socket, Kind kind) const {
    expects(socket >= 0);
    for (const auto& [id, other] : operations_) {
        const bool both_send = (other.kind == Kind::send || other.kind == Kind::send_immediately) &&
                               (kind == Kind::send || kind == Kind::send_immediately);
        const bool is_closing = other.kind == Kind::close || other.kind == Kind::reset;
        expects(other.socket != socket || (other.kind != kind && !both_send && !is_closing));
    }
}

void SimLoop::accept(const io::Socket& listener, io::Completion& done) noexcept {
    expect_alone(listener.fd(), Kind::accept);
    Operation operation;
    operation.kind = Kind::accept;
    operation.socket = listener.fd();
    schedule_attempt(submit(done, std::move(operation)), lateness());
}

void SimLoop::connect(const io::Address& address, io::Completion& done) noexcept {
    Operation operation;
    operation.kind = Kind::connect;
    operation.address = address;
    schedule_attempt(submit(done, std::move(operation)), lateness());
}

void SimLoop::receive(const io::Socket& socket,
                      io::BufferPool& pool,
                      std::uint32_t limit_bytes,
                      io::Completion& done) noexcept {
    expect_alone(socket.fd(), Kind::receive);
    expects(limit_bytes > 0);
    const auto known = std::find(pools_.begin(), pools_.end(), &pool);
    expects(known != pools_.end());
    Operation operation;
    operation.kind = Kind::receive;
    operation.socket = socket.fd();
    operation.limit_bytes = limit_bytes;
    operation.pool = *known;
    schedule_attempt(submit(done, std::move(operation)), lateness());
}

void SimLoop::send(const io::Socket& socket,
                   std::span<const io::Piece> pieces,
                   io::Completion& done) noexcept {
    submit_send(socket, pieces, Kind::send, done);
}

void SimLoop::send_immediately(const io::Socket& socket,
                               std::span<const io::Piece> pieces,
                               io::Completion& done) noexcept {
    submit_send(socket, pieces, Kind::send_immediately, done);
}

void SimLoop::submit_send(const io::Socket& socket,
                          std::span<const io::Piece> pieces,
                          Kind kind,
                          io::Completion& done) {
    expect_alone(socket.fd(), kind);
    expects(total_bytes(pieces) > 0);
    Operation operation;
    operation.kind = kind;
    operation.socket = socket.fd();
    operation.pieces = pieces;
    operation.fingerprint = fingerprint_of(pieces);
    const bool may_be_late = kind == Kind::send;
    schedule_attempt(submit(done, std::move(operation)),
                     may_be_late ? lateness() : std::chrono::nanoseconds{0});
}

void SimLoop::shutdown(const io::Socket& socket, io::Completion& done) noexcept {
    expect_alone(socket.fd(), Kind::shutdown);
    Operation operation;
    operation.kind = Kind::shutdown;
    operation.socket = socket.fd();
    schedule_attempt(submit(done, std::move(operation)), lateness());
}

void SimLoop::watch_hangup(const io::Socket& socket, io::Completion& done) noexcept {
    expect_alone(socket.fd(), Kind::watch_hangup);
    Operation operation;
    operation.kind = Kind::watch_hangup;
    operation.socket = socket.fd();
    schedule_attempt(submit(done, std::move(operation)), lateness());
}

void SimLoop::close(io::Socket&& socket, io::Completion& done) noexcept {
    expect_alone(socket.fd(), Kind::close);
    Operation operation;
    operation.kind = Kind::close;
    operation.socket = socket.release();
    schedule_attempt(submit(done, std::move(operation)), lateness());
}

void SimLoop::reset(io::Socket&& socket, io::Completion& done) noexcept {
    expect_alone(socket.fd(), Kind::reset);
    Operation operation;
    operation.kind = Kind::reset;
    operation.socket = socket.release();
    schedule_attempt(submit(done, std::move(operation)), lateness());
}

void SimLoop::wait_until(io::TimePoint due, io::Completion& done) noexcept {
    Operation operation;
    operation.kind = Kind::timer;
    const std::chrono::nanoseconds wait = due - network_.now();
    schedule_attempt(submit(done, std::move(operation)),
                     std::max(wait, std::chrono::nanoseconds{0}));
}

void SimLoop::post(io::Completion& done) noexcept {
    expects(!done.in_flight());
    done.state_ = io::Completion::State::submitted;
    done.kind_ = Kind::post;
    const std::lock_guard lock{posted_mutex_};
    posted_.push_back(&done);
}

void SimLoop::cancel(io::Completion& done) noexcept {
    const bool can_be_canceled = done.in_flight() && done.kind_ != Kind::close &&
                                 done.kind_ != Kind::reset && done.kind_ != Kind::shutdown &&
                                 done.kind_ != Kind::post;
    if (can_be_canceled) {
        cancel_operation(done.scratch_.extra);
    }
}

void SimLoop::cancel_operation(Id id) {
    Operation& operation = operations_.at(id);
    if (operation.cancel_asked) {
        return;
    }
    operation.cancel_asked = true;
    operation.completion->state_ = io::Completion::State::canceling;
    if (operation.finished) {
        return;  // it was quicker
    }
    if (!network_.random().chance(faults_.finished_despite_cancel)) {
        finish(id, ECANCELED);
        return;
    }
    network_.schedule(network_.random().duration(faults_.late_max), [this, id] {
        const auto found = operations_.find(id);
        if (found != operations_.end() && !found->second.finished) {
            finish(id, ECANCELED);
        }
    });
}

// ---- when it is attempted ----------------------------------------------------------------------

std::chrono::nanoseconds SimLoop::lateness() {
    if (!network_.random().chance(faults_.late_completion)) {
        return std::chrono::nanoseconds{0};
    }
    return network_.random().duration(faults_.late_max);
}

void SimLoop::schedule_attempt(Id id, std::chrono::nanoseconds delay) {
    Operation& operation = operations_.at(id);
    if (operation.attempt_scheduled || operation.finished) {
        return;
    }
    operation.attempt_scheduled = true;
    network_.schedule(delay, [this, id] { attempt(id); });
}

void SimLoop::socket_changed(int number) noexcept {
    for (const auto& [id, operation] : operations_) {
        if (operation.socket == number) {
            schedule_attempt(id, lateness());
        }
    }
}

void SimLoop::pool_changed(SimPool& pool) noexcept {
    for (const auto& [id, operation] : operations_) {
        if (operation.pool == &pool) {
            schedule_attempt(id, {});
        }
    }
}

void SimLoop::pool_gone(SimPool& pool) noexcept {
    for (const auto& [id, operation] : operations_) {
        expects(operation.pool != &pool);
    }
    pools_.erase(std::find(pools_.begin(), pools_.end(), &pool));
}

// ---- finishing ---------------------------------------------------------------------------------

void SimLoop::finish(Id id, int error) {
    Operation& operation = operations_.at(id);
    expects(!operation.finished);
    operation.finished = true;
    operation.outcome.error = error;
    const bool may_be_late = operation.kind != Kind::send_immediately;
    const std::chrono::nanoseconds delay = may_be_late ? lateness() : std::chrono::nanoseconds{0};
    // Behind whatever is due, so that operations complete in the order in which they finished.
    network_.schedule(delay, [this, id] { make_ready(id); });
}

void SimLoop::make_ready(Id id) {
    ready_.push_back(id);
}

}  // namespace caponier::sim
