// What happens on a shard from its first letter to its last. The ways of bytes are
// forwarded_connection.cpp's and session_worker.cpp's.

#include "engine/relay/shard.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "engine/relay/limits.h"
#include "engine/relay/placement.h"
#include "ssh/expects.h"

namespace caponier::relay {

using ssh::expects;

namespace {

template <typename... Functions>
struct Overloaded : Functions... {
    using Functions::operator()...;
};
template <typename... Functions>
Overloaded(Functions...) -> Overloaded<Functions...>;

}  // namespace

Shard::Shard(io::Loop& loop, const Place& place)
    : loop_(loop),
      place_(place),
      mailbox_(loop, static_cast<Mailbox<ShardLetter>::Reader&>(*this)) {
    movement_look_.bind<&Shard::on_movement_look>(*this);
    openings_check_.bind<&Shard::on_openings_check>(*this);
}

Shard::~Shard() {
    expects(phase_ == Phase::idle || phase_ == Phase::finished);
}

Shard::Session::Session(Shard& shard, const DialSession& letter) noexcept
    : slot(letter.slot),
      counters(*letter.counters),
      worker({.loop = shard.loop_,
              .pool = *shard.session_pool_,
              .destination = shard.place_.destination,
              .observer = shard.place_.observer,
              .slot = letter.slot,
              .counters = *letter.counters},
             static_cast<SessionWorker::Owner&>(shard)),
      bytes_measured(letter.counters->bytes.read()) {}

void Shard::move_to(Phase next) noexcept {
    expects(next > phase_);
    phase_ = next;
}

// ---- start and turns ---------------------------------------------------------------------------

void Shard::start() noexcept {
    if (!make_pools()) {
        move_to(Phase::finished);
        place_.relay.put(ShardFailed{place_.id});
        return;
    }
    move_to(Phase::serving);
    place_.relay.put(ShardReady{place_.id, &mailbox_});
}

bool Shard::make_pools() noexcept {
    auto small = loop_.make_pool({.buffers = small_local_buffers,
                                  .buffer_bytes = small_local_buffer_bytes,
                                  .headroom_bytes = 0});
    auto large = loop_.make_pool(
        {.buffers = local_buffers, .buffer_bytes = local_buffer_bytes, .headroom_bytes = 0});
    auto session = loop_.make_pool({.buffers = session_buffers,
                                    .buffer_bytes = session_buffer_bytes,
                                    .headroom_bytes = ssh::receive_tail_bytes_max});
    if (!small || !large || !session) {
        return false;
    }
    small_pool_ = std::move(*small);
    large_pool_ = std::move(*large);
    session_pool_ = std::move(*session);
    return true;
}

void Shard::run() noexcept {
    start();
    while (!is_finished()) {
        turn();
    }
}

void Shard::turn() noexcept {
    loop_.run_once();
    after_turn();
}

void Shard::after_turn() noexcept {
    // Settling one session can make a connection close and another session change.
    while (!unsettled_.empty()) {
        SessionWorker* worker = unsettled_.back();
        unsettled_.pop_back();
        worker->listed_for_settling = false;
        worker->settle();
    }
    publish();
    ended_.clear();
    std::erase_if(sessions_, [](const std::unique_ptr<Session>& session) {
        return session->is_over && session->worker.is_idle();
    });
    go_on();
}

void Shard::wants_settling(SessionWorker& worker) noexcept {
    if (!std::exchange(worker.listed_for_settling, true)) {
        unsettled_.push_back(&worker);
    }
}

// ---- letters -----------------------------------------------------------------------------------

void Shard::read(ShardLetter&& letter) noexcept {
    std::visit(Overloaded{
                   [&](const DialSession& dial) { take(dial); },
                   [&](const CallOffDial& call_off) { take(call_off); },
                   [&](const RetireSession& retire) { take(retire); },
                   [&](ServeTunnel& serve) { take(std::move(serve)); },
                   [&](const DrainShard&) { drain(); },
                   [&](const EndShard&) { end(); },
                   [&](const AbortShard&) { abort(); },
                   [&](const LeaveLoop&) { move_to(Phase::finished); },
               },
               letter);
}

void Shard::take(const DialSession& letter) noexcept {
    expects(phase_ == Phase::serving);
    sessions_.push_back(std::make_unique<Session>(*this, letter));
    sessions_.back()->worker.start();
}

void Shard::take(const CallOffDial& letter) noexcept {
    Session* const session = find(letter.slot);
    if (session != nullptr && !session->was_established) {
        session->worker.disconnect();
    }
}

/// A tunnel may have come since the relay looked.
void Shard::take(const RetireSession& letter) noexcept {
    Session* const session = find(letter.slot);
    if (session == nullptr) {
        return;  // its SessionLost is on its way
    }
    if (session->worker.channels() > 0 || !session->worker.is_quiet()) {
        place_.relay.put(SessionKept{letter.slot});
    } else {
        session->worker.disconnect();
    }
}

void Shard::take(ServeTunnel&& letter) noexcept {
    Session* const session = find(letter.slot);
    Upstream* const upstream = session == nullptr ? nullptr : session->worker.upstream();
    if (upstream == nullptr) {
        place_.relay.put(TunnelReturned{
            .tunnel = std::move(letter.tunnel), .slot = letter.slot, .reason = "no session"});
        return;
    }
    session->counters.tunnels_received.add(1);
    const ForwardedConnection::Surroundings surroundings{
        loop_, *small_pool_, *large_pool_, *this, place_.observer, place_.counters};
    connections_.push_back(std::make_unique<ForwardedConnection>(
        surroundings, std::move(letter.tunnel.socket), *letter.tunnel.target));
    ForwardedConnection& connection = *connections_.back();
    connection.index = connections_.size() - 1;
    connection.slot = letter.slot;
    connection.was_moved = letter.tunnel.was_moved;
    connection.start(upstream);
    check_openings_later();
}

/// Most channels are opened at once, and watching their clients meanwhile would cost more than all
/// the rest of a short tunnel's waiting. Only those that take longer are watched.
void Shard::check_openings_later() noexcept {
    if (phase_ < Phase::ending && !openings_check_.in_flight()) {
        loop_.wait_until(loop_.now() + opening_watch_delay, openings_check_);
    }
}

void Shard::on_openings_check(io::Outcome&) noexcept {
    bool some_are_opening = false;
    for (const std::unique_ptr<ForwardedConnection>& connection : connections_) {
        some_are_opening = connection->watch_while_opening() || some_are_opening;
    }
    if (some_are_opening) {
        check_openings_later();
    }
}

Shard::Session* Shard::find(SessionSlot slot) noexcept {
    const auto found =
        std::find_if(sessions_.begin(), sessions_.end(), [slot](const auto& session) {
            return session->slot == slot && !session->is_over;
        });
    return found == sessions_.end() ? nullptr : found->get();
}

Shard::Session& Shard::session_of(const SessionWorker& worker) noexcept {
    const auto found =
        std::find_if(sessions_.begin(), sessions_.end(), [&worker](const auto& session) {
            return &session->worker == &worker;
        });
    expects(found != sessions_.end());
    return **found;
}

// ---- what connections and sessions tell --------------------------------------------------------

void Shard::connection_ended(ForwardedConnection& connection) noexcept {
    const std::size_t index = connection.index;
    ended_.push_back(std::move(connections_[index]));
    if (index + 1 < connections_.size()) {
        connections_[index] = std::move(connections_.back());
        connections_[index]->index = index;
    }
    connections_.pop_back();
}

void Shard::returned(ForwardedConnection& connection,
                     io::Socket&& socket,
                     const Refusal& refusal) noexcept {
    place_.relay.put(TunnelReturned{.tunnel = {.socket = std::move(socket),
                                               .target = &connection.target(),
                                               .was_moved = connection.was_moved},
                                    .slot = connection.slot,
                                    .reason = std::string{refusal.reason},
                                    .shortage = refusal.shortage});
}

void Shard::session_established(SessionWorker& worker) noexcept {
    Session& session = session_of(worker);
    session.was_established = true;
    place_.observer.session_established(session.slot);
    place_.relay.put(
        SessionEstablished{.slot = session.slot, .repeatable = session.worker.needs_no_person()});
}

void Shard::session_ended(SessionWorker& worker, const SessionEnd& end) noexcept {
    Session& session = session_of(worker);
    session.is_over = true;
    place_.relay.put(
        SessionLost{.slot = session.slot, .end = end, .was_established = session.was_established});
}

// ---- what others read --------------------------------------------------------------------------

void Shard::publish() noexcept {
    for (const std::unique_ptr<Session>& session : sessions_) {
        if (!session->is_over) {
            session->counters.channels.set(session->worker.channels());
            session->counters.queued_bytes.set(session->worker.queued_bytes());
        }
    }
    if (loop_.now() >= next_measure_) {
        measure();
    }
}

void Shard::measure() noexcept {
    const io::TimePoint now = loop_.now();
    const std::chrono::nanoseconds cpu = loop_.thread_cpu_time();
    const auto passed =
        static_cast<std::uint64_t>(std::max<std::int64_t>(1, (now - last_measure_).count()));
    const auto used = static_cast<std::uint64_t>((cpu - cpu_at_measure_).count());
    for (const std::unique_ptr<Session>& session : sessions_) {
        if (session->is_over) {
            continue;
        }
        SessionCounters& counters = session->counters;
        const std::uint64_t bytes = counters.bytes.read();
        const std::uint64_t moved = bytes - std::exchange(session->bytes_measured, bytes);
        constexpr std::uint64_t microseconds = 1'000'000;
        counters.bytes_per_second.set(moved * microseconds / (passed / 1'000 + 1));
        counters.busy_permille.set(used * 1'000 / passed);
        counters.measured_at_ns.set(static_cast<std::uint64_t>(now.time_since_epoch().count()));
        const bool saturated = is_saturated({.queued_bytes = counters.queued_bytes.read(),
                                             .bytes_per_second = counters.bytes_per_second.read(),
                                             .busy_permille = counters.busy_permille.read()});
        session->saturated_in_a_row = saturated ? session->saturated_in_a_row + 1 : 0;
        if (session->saturated_in_a_row == saturated_measurements) {
            session->saturated_in_a_row = 0;
            place_.relay.put(SessionSaturated{});
        }
    }
    last_measure_ = now;
    cpu_at_measure_ = cpu;
    next_measure_ = now + measure_interval;
}

// ---- the end -----------------------------------------------------------------------------------

void Shard::drain() noexcept {
    if (phase_ < Phase::draining) {
        move_to(Phase::draining);
        watch_movement();
    }
}

/// The relay ends the drain when nothing has moved for a while on any shard.
void Shard::watch_movement() noexcept {
    if (has_moved()) {
        place_.counters.moved_at_ns.set(
            static_cast<std::uint64_t>(loop_.now().time_since_epoch().count()));
    }
    loop_.wait_until(loop_.now() + drain_look_interval, movement_look_);
}

/// Since the last look. A slow line moves bytes for seconds that no socket has taken or given
/// meanwhile, so that the kernel is asked what it still holds.
bool Shard::has_moved() noexcept {
    Movement now{.passed = place_.counters.bytes_up.read() + place_.counters.bytes_down.read()};
    for (const std::unique_ptr<Session>& session : sessions_) {
        now.on_way_to_server += session->worker.undelivered_bytes();
    }
    for (const std::unique_ptr<ForwardedConnection>& connection : connections_) {
        now.on_way_to_clients += connection->undelivered_bytes();
    }
    const Movement before = std::exchange(movement_, now);
    const bool is_sending =
        std::max(now.on_way_to_server, before.on_way_to_server) > drain_noise_bytes;
    return now.passed != before.passed || now.on_way_to_clients != before.on_way_to_clients ||
           (is_sending && now.on_way_to_server != before.on_way_to_server);
}

void Shard::on_movement_look(io::Outcome&) noexcept {
    if (phase_ == Phase::draining) {
        watch_movement();
    }
}

void Shard::abort() noexcept {
    end();
    for (const std::unique_ptr<ForwardedConnection>& connection : connections_) {
        connection->abort();
    }
}

void Shard::end() noexcept {
    if (phase_ >= Phase::ending) {
        return;
    }
    move_to(Phase::ending);
    for (const std::unique_ptr<ForwardedConnection>& connection : connections_) {
        connection->limit_delivery();
    }
    loop_.cancel(movement_look_);
    loop_.cancel(openings_check_);
    for (const std::unique_ptr<Session>& session : sessions_) {
        session->worker.disconnect();
    }
}

/// What the end of a turn may have brought to its end.
void Shard::go_on() noexcept {
    // A server drops what it still has for a target when the session ends before the channel does.
    const bool quiet = std::all_of(sessions_.begin(), sessions_.end(), [](const auto& session) {
        return session->worker.is_quiet();
    });
    if (phase_ == Phase::draining && connections_.empty() && quiet) {
        end();
    }
    const bool all_back = connections_.empty() && ended_.empty() && sessions_.empty() &&
                          !movement_look_.in_flight() && !openings_check_.in_flight();
    if (phase_ == Phase::ending && all_back) {
        move_to(Phase::empty);
        small_pool_.reset();
        large_pool_.reset();
        session_pool_.reset();
        place_.relay.put(ShardEmpty{place_.id});
    }
}

}  // namespace caponier::relay
