// What happens on a shard from the first dial to the last completion. The ways of bytes are
// forwarded_connection.cpp's and session_worker.cpp's.

#include "engine/relay/shard.h"

#include <cerrno>
#include <utility>

#include "engine/relay/limits.h"
#include "ssh/expects.h"

namespace caponier::relay {

using ssh::expects;

Shard::Shard(io::Loop& loop, Observer& observer, const Plan& plan)
    : loop_(loop), observer_(observer), plan_(plan) {
    drain_request_.bind<&Shard::on_drain_request>(*this);
    abort_request_.bind<&Shard::on_abort_request>(*this);
    drain_over_.bind<&Shard::on_drain_over>(*this);
}

Shard::~Shard() {
    expects(phase_ == Phase::idle || phase_ == Phase::finished);
}

void Shard::move_to(Phase next) noexcept {
    expects(next > phase_);
    phase_ = next;
}

// ---- start -------------------------------------------------------------------------------------

void Shard::start() noexcept {
    move_to(Phase::connecting);
    if (!make_pools()) {
        end(Finish::no_memory);
        go_on();  // nothing is in flight that a turn could wait for
        return;
    }
    session_over_ = false;
    SessionWorker::Owner& owner = *this;
    worker_ =
        std::make_unique<SessionWorker>(loop_, *session_pool_, plan_.destination, owner, observer_);
    worker_->start();
}

bool Shard::make_pools() noexcept {
    auto local = loop_.make_pool(
        {.buffers = local_buffers, .buffer_bytes = local_buffer_bytes, .headroom_bytes = 0});
    auto session = loop_.make_pool({.buffers = session_buffers,
                                    .buffer_bytes = session_buffer_bytes,
                                    .headroom_bytes = ssh::receive_tail_bytes_max});
    if (!local || !session) {
        return false;
    }
    local_pool_ = std::move(*local);
    session_pool_ = std::move(*session);
    return true;
}

void Shard::session_established(SessionWorker&) noexcept {
    observer_.session_established();
    if (phase_ != Phase::connecting) {
        return;
    }
    move_to(Phase::serving);
    // Nobody is told of a forward, and no connection is accepted, before it is known that all of
    // them, or enough, can listen.
    std::vector<std::pair<const Forward*, io::Address>> bound;
    for (const Forward& forward : plan_.forwards) {
        if (const std::optional<io::Address> address = listen(forward)) {
            bound.emplace_back(&forward, *address);
        }
    }
    const bool enough =
        bound.size() == plan_.forwards.size() || (!plan_.exit_on_forward_failure && !bound.empty());
    if (!enough) {
        end(Finish::cannot_listen);
        return;
    }
    for (const std::unique_ptr<Listener>& listener : listeners_) {
        listener->start();
    }
    for (const auto& [forward, address] : bound) {
        observer_.listening(*forward, address);
    }
}

/// Binds all addresses of the forward or, as far as it matters, none; returns the first: an address
/// in use is a failure, a family that this machine does not have is not, if the other one works.
std::optional<io::Address> Shard::listen(const Forward& forward) noexcept {
    const std::size_t before = listeners_.size();
    io::IoError error{EADDRNOTAVAIL};
    std::uint16_t chosen_port = 0;
    for (const io::Address& bind : forward.binds) {
        // A port that the kernel chose for one family is asked for in the other.
        const bool follows = bind.port() == 0 && chosen_port != 0;
        const io::Address address =
            follows ? io::Address::ip(bind.host(), chosen_port).value_or(bind) : bind;
        io::IoResult<io::Socket> socket = loop_.listen(address);
        if (!socket) {
            error = socket.error();
            // A port that the kernel chose may be taken in the other family: no fault of the
            // user's.
            if (error.number == EADDRNOTAVAIL || error.number == EAFNOSUPPORT || follows) {
                continue;
            }
            observer_.listen_failed(forward, address, error);
            listeners_.resize(before);
            return std::nullopt;
        }
        chosen_port = loop_.local_address(*socket).port();
        Listener::User& user = *this;
        listeners_.push_back(
            std::make_unique<Listener>(loop_, user, std::move(*socket), forward.target));
    }
    if (listeners_.size() == before) {
        observer_.listen_failed(forward, forward.binds.front(), error);
        return std::nullopt;
    }
    listeners_open_ = listeners_.size();
    return listeners_[before]->address();
}

// ---- serve -------------------------------------------------------------------------------------

void Shard::run() noexcept {
    start();
    while (!is_finished()) {
        turn();
    }
}

void Shard::turn() noexcept {
    loop_.run_once();
    // Settling one session can make a connection close and another session change.
    while (!unsettled_.empty()) {
        SessionWorker* worker = unsettled_.back();
        unsettled_.pop_back();
        worker->listed_for_settling = false;
        worker->settle();
    }
    ended_.clear();
    go_on();
}

void Shard::wants_settling(SessionWorker& worker) noexcept {
    if (!std::exchange(worker.listed_for_settling, true)) {
        unsettled_.push_back(&worker);
    }
}

void Shard::accepted(io::Socket&& socket, const Target& target) noexcept {
    const ForwardedConnection::Surroundings surroundings{
        loop_, *local_pool_, *this, observer_, counters_};
    connections_.push_back(
        std::make_unique<ForwardedConnection>(surroundings, std::move(socket), target));
    ForwardedConnection& connection = *connections_.back();
    connection.index = connections_.size() - 1;
    connection.start(worker_->upstream());
}

void Shard::accept_paused(int os_error) noexcept {
    observer_.accept_paused(os_error);
}

void Shard::connection_ended(ForwardedConnection& connection) noexcept {
    const std::size_t index = connection.index;
    ended_.push_back(std::move(connections_[index]));
    if (index + 1 < connections_.size()) {
        connections_[index] = std::move(connections_.back());
        connections_[index]->index = index;
    }
    connections_.pop_back();
    for (const std::unique_ptr<Listener>& listener : listeners_) {
        listener->resume();
    }
}

// ---- the end -----------------------------------------------------------------------------------

void Shard::on_drain_request(io::Outcome&) noexcept {
    if (phase_ < Phase::draining) {
        drain();
    }
}

void Shard::on_abort_request(io::Outcome&) noexcept {
    if (phase_ < Phase::ending) {
        end(Finish::stopped);
    }
    for (const std::unique_ptr<ForwardedConnection>& connection : connections_) {
        connection->abort();
    }
}

void Shard::drain() noexcept {
    move_to(Phase::draining);
    close_listeners();
    loop_.wait_until(loop_.now() + drain_patience, drain_over_);
}

void Shard::on_drain_over(io::Outcome& outcome) noexcept {
    if (outcome.error == 0) {
        patience_is_over_ = true;
        for (const std::unique_ptr<ForwardedConnection>& connection : connections_) {
            connection->abort();
        }
    }
}

void Shard::session_ended(SessionWorker&, const SessionEnd& end) noexcept {
    session_over_ = true;
    if (phase_ < Phase::ending) {
        observer_.session_ended(end);
        this->end(Finish::session_ended);
    }
}

void Shard::end(Finish why) noexcept {
    move_to(Phase::ending);
    finish_ = why;
    close_listeners();
    for (const std::unique_ptr<ForwardedConnection>& connection : connections_) {
        connection->limit_delivery();
    }
    loop_.cancel(drain_over_);
    if (!session_over_) {
        worker_->disconnect();
    }
}

void Shard::close_listeners() noexcept {
    for (const std::unique_ptr<Listener>& listener : listeners_) {
        listener->close();
    }
}

void Shard::listener_closed() noexcept {
    --listeners_open_;
}

/// What the end of a turn may have brought to its end.
void Shard::go_on() noexcept {
    // A server drops what it still has for a target when the session ends before the channel does.
    const bool quiet = session_over_ || worker_->is_quiet() || patience_is_over_;
    if (phase_ == Phase::draining && connections_.empty() && quiet) {
        end(Finish::stopped);
    }
    const bool all_back = connections_.empty() && ended_.empty() && listeners_open_ == 0 &&
                          session_over_ && !drain_over_.in_flight() &&
                          (worker_ == nullptr || worker_->is_idle());
    if (phase_ == Phase::ending && all_back) {
        worker_.reset();
        listeners_.clear();
        local_pool_.reset();
        session_pool_.reset();
        move_to(Phase::finished);
        observer_.finished(finish_);
    }
}

}  // namespace caponier::relay
