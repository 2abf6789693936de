// What happens from the first dial to the last letter, in that order. Decisions about sessions are
// session_pool.cpp's, tunnels that wait are waiting_room.cpp's, everything that moves a byte is
// below shard.cpp.

#include "engine/relay/relay.h"

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

#include "engine/relay/limits.h"
#include "ssh/expects.h"

namespace caponier::relay {

using ssh::expects;

Relay::Relay(io::Loop& loop, Observer& observer, const Plan& plan)
    : loop_(loop),
      observer_(observer),
      plan_(plan),
      counters_(plan.pool.shards_max),
      pool_(plan.pool, plan.seed),
      mailbox_(loop, static_cast<Mailbox<RelayLetter>::Reader&>(*this)),
      shards_(plan.pool.shards_max),
      first_shard_(loop, place_of(ShardId{0})),
      listeners_(loop, static_cast<Listener::User&>(*this), observer),
      waiting_(loop, static_cast<WaitingRoom::User&>(*this)) {
    expects(plan.pool.shards_max == 1 || plan.starter != nullptr);
    timer_.bind<&Relay::on_timer>(*this);
    idle_look_.bind<&Relay::on_idle_look>(*this);
    drain_request_.bind<&Relay::on_drain_request>(*this);
    abort_request_.bind<&Relay::on_abort_request>(*this);
}

Relay::~Relay() {
    expects(phase_ == Phase::idle || phase_ == Phase::finished);
}

void Relay::move_to(Phase next) noexcept {
    expects(next > phase_);
    phase_ = next;
}

Shard::Place Relay::place_of(ShardId shard) noexcept {
    return {.id = shard,
            .relay = mailbox_,
            .destination = plan_.destination,
            .observer = observer_,
            .counters = counters_[index_of(shard)]};
}

Relay::Totals Relay::totals() const noexcept {
    Totals totals;
    for (const Counters& counters : counters_) {
        totals.connections_open += counters.connections_open.read();
        totals.connections_total += counters.connections_total.read();
        totals.bytes_up += counters.bytes_up.read();
        totals.bytes_down += counters.bytes_down.read();
    }
    return totals;
}

// ---- turns -------------------------------------------------------------------------------------

void Relay::run() noexcept {
    start();
    while (!is_finished()) {
        turn();
    }
}

void Relay::turn() noexcept {
    loop_.run_once();
    first_shard_.after_turn();
    waiting_.clean_up();
    watch_descriptors();
    set_timer();
    go_on();
}

/// A connection that ended on this thread's shard or another freed a descriptor.
void Relay::watch_descriptors() noexcept {
    const std::uint64_t open = totals().connections_open;
    if (std::exchange(connections_open_, open) > open) {
        listeners_.resume();
    }
}

// ---- sessions ----------------------------------------------------------------------------------

void Relay::start() noexcept {
    move_to(Phase::connecting);
    dial(pool_.dial_first());
}

void Relay::dial(const SessionPool::Dial& dial) noexcept {
    ShardEntry& shard = entry(dial.shard);
    const DialSession letter{.slot = dial.slot, .counters = &pool_.counters(dial.slot)};
    if (shard.state == ShardEntry::State::running) {
        shard.mailbox->put(letter);
        return;
    }
    shard.dials.push_back(letter);
    if (shard.state == ShardEntry::State::none) {
        shard.state = ShardEntry::State::starting;
        if (dial.shard == ShardId{0}) {
            first_shard_.start();
        } else {
            plan_.starter->start_shard(place_of(dial.shard));
        }
    }
}

Relay::ShardEntry& Relay::entry(ShardId shard) noexcept {
    return shards_[index_of(shard)];
}

/// Dials what the pool wants by now. Who waits for memory is not helped by another session.
void Relay::grow() noexcept {
    if (phase_ != Phase::serving) {
        return;
    }
    const std::size_t waiting = memory_room() > 0 ? waiting_.size() : 0;
    while (const auto wanted = pool_.dial_another(waiting, loop_.now())) {
        dial(*wanted);
    }
}

void Relay::read(RelayLetter&& letter) noexcept {
    std::visit([this](auto& content) { take(std::move(content)); }, letter);
}

void Relay::take(const ShardReady& letter) noexcept {
    ShardEntry& shard = entry(letter.shard);
    shard.state = ShardEntry::State::running;
    shard.mailbox = letter.mailbox;
    for (const DialSession& dial : std::exchange(shard.dials, {})) {
        if (phase_ < Phase::draining) {
            shard.mailbox->put(dial);
        }
    }
    // What it missed while it started.
    if (phase_ == Phase::draining) {
        shard.mailbox->put(DrainShard{});
    } else if (phase_ == Phase::ending) {
        shard.mailbox->put(EndShard{});
    }
}

void Relay::take(const ShardFailed& letter) noexcept {
    entry(letter.shard).state = ShardEntry::State::gone;
    entry(letter.shard).dials.clear();
    pool_.shard_failed(letter.shard);
    if (letter.shard == ShardId{0} && phase_ < Phase::ending) {
        end(Finish::no_memory);
    }
    end_without_sessions();
    grow();
}

void Relay::take(const SessionEstablished& letter) noexcept {
    const bool was_single = pool_.is_single();
    pool_.established(letter.slot, letter.repeatable, loop_.now());
    if (phase_ == Phase::connecting) {
        move_to(Phase::serving);
        const bool enough = listeners_.bind(plan_.forwards, plan_.exit_on_forward_failure);
        listeners_open_ = listeners_.count();
        if (!enough) {
            end(Finish::cannot_listen);
            return;
        }
        listeners_.start();
    }
    if (const auto lost = std::exchange(last_lost_, std::nullopt); lost && phase_ < Phase::ending) {
        observer_.session_lost(lost->slot, lost->end, lost->was_established);
    }
    heed_takeovers(was_single);
    serve_waiting();
    grow();
}

void Relay::take(const SessionLost& letter) noexcept {
    using Loss = SessionPool::Loss;
    const bool is_ours = letter.end.error.code == ssh::ErrorCode::closed_by_application;
    const bool was_single = pool_.is_single();
    const Loss how = is_ours                        ? Loss::withdrawn
                     : letter.was_established       ? Loss::ended
                     : letter.end.refused_by_policy ? Loss::forbidden
                                                    : Loss::not_dialed;
    pool_.lost(letter.slot, how, loop_.now());
    if (phase_ >= Phase::ending) {
        return;
    }
    if (pool_.established_count() > 0) {
        if (!is_ours) {
            observer_.session_lost(letter.slot, letter.end, letter.was_established);
        }
        heed_takeovers(was_single);
        grow();
        return;
    }
    // Why a session ended tells more than why the one after it never began.
    if (!is_ours && (letter.was_established || !last_lost_)) {
        last_lost_ = letter;
    }
    end_without_sessions();
}

/// Not while one is being dialled: some servers end a user's session when the next one logs in, and
/// a little before it has.
void Relay::end_without_sessions() noexcept {
    const bool is_over = pool_.established_count() == 0 && pool_.dialing_count() == 0;
    if (last_lost_ && is_over && phase_ < Phase::ending) {
        observer_.session_ended(last_lost_->end);
        end(Finish::session_ended);
    }
}

/// Where the server lets a user have one session, each that is dialled costs the tunnels of the one
/// before.
void Relay::heed_takeovers(bool was_single) noexcept {
    if (was_single || !pool_.is_single()) {
        return;
    }
    observer_.warning(
        "the server ends a session of this user when another one logs in; from here on one SSH "
        "connection carries all tunnels");
    for (std::uint32_t index = 0; index < pool_.slots(); ++index) {
        const SessionSlot slot{index};
        if (pool_.is_dialing(slot)) {
            call_off(slot);
        }
    }
}

/// Its SessionLost follows, unless it is established by now.
void Relay::call_off(SessionSlot slot) noexcept {
    ShardEntry& shard = entry(pool_.shard_of(slot));
    if (shard.state == ShardEntry::State::running) {
        shard.mailbox->put(CallOffDial{slot});
        return;
    }
    std::erase_if(shard.dials, [slot](const DialSession& dial) { return dial.slot == slot; });
    pool_.lost(slot, SessionPool::Loss::withdrawn, loop_.now());
}

void Relay::take(const SessionKept& letter) noexcept {
    pool_.kept(letter.slot, loop_.now());
}

void Relay::take(const SessionSaturated&) noexcept {
    pool_.note_needs(loop_.now());
    grow();
}

// ---- tunnels -----------------------------------------------------------------------------------

void Relay::accepted(io::Socket&& socket, const Target& target) noexcept {
    Tunnel tunnel{.socket = std::move(socket), .target = &target};
    if (phase_ != Phase::serving) {
        // It was in the backlog of a listener that closes.
        refuse(std::move(tunnel), "the program is ending");
        return;
    }
    const auto slot = waiting_.empty() ? place() : std::optional<SessionSlot>{};
    if (slot) {
        pool_.handed_over(*slot);
        hand_over(std::move(tunnel), *slot);
    } else if (may_wait()) {
        waiting_.add(std::move(tunnel), loop_.now() + waiting_patience);
    } else {
        refuse(std::move(tunnel), "too many connections wait for a channel");
    }
    grow();
}

void Relay::accept_paused(int os_error) noexcept {
    observer_.accept_paused(os_error);
}

/// For so many tunnels there is memory.
std::uint64_t Relay::memory_room() const noexcept {
    const MemoryBudget* const budget = plan_.destination.budget;
    return budget == nullptr ? UINT64_MAX : budget->room();
}

bool Relay::may_wait() const noexcept {
    return phase_ == Phase::serving && waiting_.size() < waiting_tunnels_max;
}

/// Where the next tunnel goes, if it need not wait.
std::optional<SessionSlot> Relay::place() noexcept {
    return memory_room() > 0 ? pool_.place(loop_.now()) : std::nullopt;
}

/// The pool counts it already.
void Relay::hand_over(Tunnel&& tunnel, SessionSlot slot) noexcept {
    entry(pool_.shard_of(slot))
        .mailbox->put(ServeTunnel{.tunnel = std::move(tunnel), .slot = slot});
}

void Relay::take(TunnelReturned&& letter) noexcept {
    Tunnel& tunnel = letter.tunnel;
    if (letter.shortage == Shortage::memory && may_wait()) {
        // Several were let in for the same memory; their session is not to blame.
        waiting_.add(std::move(tunnel), loop_.now() + waiting_patience);
        return;
    }
    const bool is_short = letter.shortage != Shortage::none;
    if (is_short) {
        pool_.ran_short(letter.slot, loop_.now());
    } else {
        pool_.failing(letter.slot);
    }
    // A server that is short of something is believed the second time.
    const bool may_move = phase_ == Phase::serving && !(is_short && tunnel.was_moved);
    const auto slot =
        may_move ? pool_.place(loop_.now(), letter.slot) : std::optional<SessionSlot>{};
    if (slot) {
        tunnel.was_moved = is_short;
        pool_.handed_over(*slot);
        hand_over(std::move(tunnel), *slot);
    } else {
        refuse(std::move(tunnel), letter.reason);
    }
    grow();
}

/// As many as there is room for. What they promise shows only when they have arrived on their
/// shards.
void Relay::serve_waiting() noexcept {
    for (std::uint64_t room = memory_room();
         room > 0 && phase_ == Phase::serving && !waiting_.empty();
         --room) {
        const std::optional<SessionSlot> slot = pool_.place(loop_.now());
        if (!slot) {
            return;
        }
        pool_.handed_over(*slot);
        waiting_.let_in_first(*slot);
    }
}

void Relay::let_in(Tunnel&& tunnel, SessionSlot slot) noexcept {
    if (phase_ == Phase::serving && pool_.was_established(slot)) {
        hand_over(std::move(tunnel), slot);
        return;
    }
    left(slot);
    accepted(std::move(tunnel.socket), *tunnel.target);
}

void Relay::left(SessionSlot slot) noexcept {
    pool_.kept_back(slot);
}

void Relay::refuse(Tunnel&& tunnel, std::string_view reason) noexcept {
    observer_.tunnel_refused(loop_.peer_address(tunnel.socket), *tunnel.target, reason);
    waiting_.turn_away(std::move(tunnel));
}

void Relay::refuse_waiting(std::string_view reason) noexcept {
    const Tunnel& tunnel = waiting_.first();
    observer_.tunnel_refused(loop_.peer_address(tunnel.socket), *tunnel.target, reason);
    waiting_.turn_away_first();
}

/// While tunnels wait, while there is a session that may be too many, and while the shards drain;
/// else no timer runs.
void Relay::set_timer() noexcept {
    if (phase_ == Phase::serving && pool_.established_count() > 1 && !idle_look_.in_flight()) {
        loop_.wait_until(loop_.now() + pool_.idle_look(), idle_look_);
    }
    if (timer_.in_flight()) {
        return;
    }
    if (phase_ == Phase::serving && !waiting_.empty()) {
        loop_.wait_until(loop_.now() + waiting_poll, timer_);
    } else if (phase_ == Phase::draining && !all_shards_are_gone()) {
        loop_.wait_until(loop_.now() + std::min(drain_look_interval, plan_.drain_timeout), timer_);
    }
}

std::string_view Relay::why_nobody_is_let_in() const noexcept {
    if (memory_room() == 0) {
        return out_of_memory;
    }
    return pool_.established_count() > 0 ? "every SSH session has as many channels as it may"
                                         : "there is no SSH session for it";
}

void Relay::on_timer(io::Outcome&) noexcept {
    if (phase_ == Phase::draining && drain_is_over()) {
        abort();
        return;
    }
    if (phase_ != Phase::serving) {
        return;
    }
    serve_waiting();
    while (loop_.now() >= waiting_.first_deadline()) {
        refuse_waiting(why_nobody_is_let_in());
    }
    grow();
}

void Relay::on_idle_look(io::Outcome&) noexcept {
    if (phase_ != Phase::serving) {
        return;
    }
    if (const std::optional<SessionSlot> slot = pool_.retire_one(loop_.now())) {
        entry(pool_.shard_of(*slot)).mailbox->put(RetireSession{*slot});
    }
}

// ---- the end -----------------------------------------------------------------------------------

void Relay::on_drain_request(io::Outcome&) noexcept {
    if (phase_ >= Phase::draining) {
        return;
    }
    if (plan_.drain_timeout.count() == 0) {
        abort();
        return;
    }
    move_to(Phase::draining);
    drain_began_ = loop_.now();
    close_entrance();
    tell_shards(DrainShard{});
    if (const std::uint64_t open = totals().connections_open; open > 0) {
        observer_.draining(open);
    }
}

/// Time is up, or nothing has moved on any shard for a while.
bool Relay::drain_is_over() const noexcept {
    io::TimePoint moved_at = drain_began_;
    for (const Counters& counters : counters_) {
        moved_at = std::max(moved_at,
                            io::TimePoint{std::chrono::nanoseconds{counters.moved_at_ns.read()}});
    }
    const io::TimePoint now = loop_.now();
    return now >= drain_began_ + plan_.drain_timeout || now >= moved_at + drain_quiet;
}

void Relay::on_abort_request(io::Outcome&) noexcept {
    abort();
}

void Relay::abort() noexcept {
    if (phase_ < Phase::ending) {
        end(Finish::stopped);
    }
    tell_shards(AbortShard{});
}

void Relay::end(Finish why) noexcept {
    move_to(Phase::ending);
    finish_ = why;
    close_entrance();
    tell_shards(EndShard{});
}

void Relay::close_entrance() noexcept {
    listeners_.close();
    while (!waiting_.empty()) {
        refuse_waiting("the program is ending");
    }
    loop_.cancel(timer_);
    loop_.cancel(idle_look_);
}

template <typename Letter>
void Relay::tell_shards(const Letter& letter) noexcept {
    for (const ShardEntry& shard : shards_) {
        if (shard.state == ShardEntry::State::running) {
            shard.mailbox->put(letter);
        }
    }
}

void Relay::listener_closed() noexcept {
    --listeners_open_;
}

void Relay::take(const ShardEmpty& letter) noexcept {
    entry(letter.shard).state = ShardEntry::State::gone;
    entry(letter.shard).mailbox->put(LeaveLoop{});
    if (all_shards_are_gone()) {
        loop_.cancel(timer_);
    }
}

bool Relay::all_shards_are_gone() const noexcept {
    return std::all_of(shards_.begin(), shards_.end(), [](const ShardEntry& shard) {
        return shard.state == ShardEntry::State::none || shard.state == ShardEntry::State::gone;
    });
}

/// What the end of a turn may have brought to its end.
void Relay::go_on() noexcept {
    const bool all_back = all_shards_are_gone() && first_shard_.is_finished() &&
                          listeners_open_ == 0 && waiting_.is_idle() && !timer_.in_flight() &&
                          !idle_look_.in_flight();
    if (phase_ >= Phase::draining && phase_ < Phase::finished && all_back) {
        listeners_.clear();
        move_to(Phase::finished);
        observer_.finished(finish_);
    }
}

}  // namespace caponier::relay
