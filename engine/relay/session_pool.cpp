// Growth, back-off and the choice of shards. See session_pool.h.

#include "engine/relay/session_pool.h"

#include <algorithm>

#include "engine/relay/limits.h"
#include "ssh/expects.h"

namespace caponier::relay {

using ssh::expects;

namespace {

bool is_fresh(const SessionCounters& counters, io::TimePoint now) noexcept {
    const io::TimePoint measured{
        std::chrono::nanoseconds{static_cast<std::int64_t>(counters.measured_at_ns.read())}};
    return now < measured + measure_validity;
}

}  // namespace

SessionPool::SessionPool(const PoolShape& shape, std::uint64_t seed)
    : shape_(shape), sessions_(shape.sessions_max), shards_(shape.shards_max), random_(seed) {
    expects(shape.sessions_max > 0);
    expects(shape.channels_mark > 0);
    expects(shape.shards_max > 0);
    loads_.reserve(sessions_.size());
}

SessionPool::Session& SessionPool::at(SessionSlot slot) noexcept {
    expects(index_of(slot) < sessions_.size());
    return sessions_[index_of(slot)];
}

const SessionPool::Session& SessionPool::at(SessionSlot slot) const noexcept {
    expects(index_of(slot) < sessions_.size());
    return sessions_[index_of(slot)];
}

// ---- what happened -----------------------------------------------------------------------------

void SessionPool::established(SessionSlot slot, bool repeatable, io::TimePoint now) noexcept {
    Session& session = at(slot);
    expects(session.state == State::dialing);
    if (established_count() == 0 && session.dialed_at < last_one_lost_at_ &&
        now < last_one_lost_at_ + takeover_window) {
        count_takeover(last_one_had_lasted_);
    }
    session.state = State::established;
    session.established_at = now;
    session.needed_at = now;
    session.received_when_needed = session.counters.tunnels_received.read();
    may_grow_ = repeatable;
}

void SessionPool::failing(SessionSlot slot) noexcept {
    if (at(slot).state == State::established) {
        at(slot).state = State::failing;
    }
}

void SessionPool::lost(SessionSlot slot, Loss how, io::TimePoint now) noexcept {
    Session& session = at(slot);
    forget_failures(now);
    const bool failed =
        how == Loss::not_dialed || (how == Loss::ended && !has_proved(session, now));
    session.state = State::none;
    if (how == Loss::withdrawn) {
        return;
    }
    forbidden_ = forbidden_ || how == Loss::forbidden;
    // A server that loses sessions is not asked for the next one at once either.
    const std::size_t doublings = std::min(failures_, dial_pause_doublings_max);
    std::chrono::nanoseconds pause = dial_pause_first * (1ULL << doublings);
    // Several programs that were refused together do not come back together.
    pause += pause / 2 * (draw() % 1024) / 1024;
    not_before_ = std::max(not_before_, now + pause);
    if (failed) {
        ++failures_;
        failed_at_ = now;
    }
    if (how == Loss::ended) {
        look_for_takeover(session, now);
    }
}

/// It is more than a login: it has brought something, or has stayed.
bool SessionPool::has_proved(const Session& session, io::TimePoint now) const noexcept {
    return session.counters.carried.read() > 0 || now >= session.established_at + session_trial;
}

/// A login alone says little of a server that ends what it has let in. A session that was dialled
/// before the last failure says nothing of what is dialled after it.
void SessionPool::forget_failures(io::TimePoint now) noexcept {
    const bool over =
        std::any_of(sessions_.begin(), sessions_.end(), [this, now](const Session& session) {
            return session.state == State::established && session.established_at > failed_at_ &&
                   has_proved(session, now);
        });
    failures_ = over ? 0 : failures_;
}

/// The oldest session has ended: was it for the next one, which has just logged in?
void SessionPool::look_for_takeover(const Session& lost, io::TimePoint now) noexcept {
    const Session* next = nullptr;
    for (const Session& session : sessions_) {
        if (session.state != State::established) {
            continue;
        }
        if (session.established_at <= lost.established_at) {
            return;  // the server has let an older one be
        }
        if (next == nullptr || session.established_at < next->established_at) {
            next = &session;
        }
    }
    const bool had_lasted = now >= lost.established_at + session_trial;
    if (next == nullptr) {
        last_one_lost_at_ = now;
        last_one_had_lasted_ = had_lasted;
    } else if (now < next->established_at + takeover_window) {
        count_takeover(had_lasted);
    }
}

/// That a session which has lasted ends in the very moment of another's login is no accident; of a
/// young one it may be.
void SessionPool::count_takeover(bool had_lasted) noexcept {
    takeovers_ += had_lasted ? takeovers_believed : 1U;
}

void SessionPool::ran_short(SessionSlot slot, io::TimePoint now) noexcept {
    at(slot).short_until = now + shortage_memory;
}

void SessionPool::handed_over(SessionSlot slot) noexcept {
    ++at(slot).handed_over;
}

void SessionPool::kept_back(SessionSlot slot) noexcept {
    Session& session = at(slot);
    // Another session may have taken the place meanwhile, and started from its own count.
    if (session.handed_over > session.counters.tunnels_received.read()) {
        --session.handed_over;
    }
}

void SessionPool::shard_failed(ShardId shard) noexcept {
    shards_[index_of(shard)].failed = true;
    for (Session& session : sessions_) {
        if (session.state != State::none && session.shard == shard) {
            session.state = State::none;
        }
    }
}

// ---- growth ------------------------------------------------------------------------------------

SessionPool::Dial SessionPool::dial_first() noexcept {
    expects(count(State::none) == sessions_.size());
    return begin_dial(ShardId{0}, {});
}

std::optional<SessionPool::Dial> SessionPool::dial_another(std::size_t waiting,
                                                           io::TimePoint now) noexcept {
    forget_failures(now);
    // After a failure one at a time, so that a server that has enough is not asked in a crowd.
    const bool has_room =
        failures_ > 0 ? undecided_count(now) == 0 : dialing_count() < dials_in_flight_max;
    const bool possible = may_grow_ && !forbidden_ && !is_single() && now >= not_before_ &&
                          has_room && count(State::none) > 0 && established_count() > 0;
    if (!possible || !is_wanted(waiting, now)) {
        return std::nullopt;
    }
    return begin_dial(choose_shard(now), now);
}

/// Dials since the last failure of which it is not known yet whether they help.
std::size_t SessionPool::undecided_count(io::TimePoint now) const noexcept {
    return static_cast<std::size_t>(
        std::count_if(sessions_.begin(), sessions_.end(), [this, now](const Session& session) {
            const bool on_trial = session.state == State::established &&
                                  session.established_at > failed_at_ && !has_proved(session, now);
            return session.state == State::dialing || on_trial;
        }));
}

bool SessionPool::is_wanted(std::size_t waiting,
                            io::TimePoint now,
                            const Session* except) const noexcept {
    std::size_t tunnels = waiting;
    std::size_t sessions = 0;
    bool all_saturated = true;
    for (const Session& session : sessions_) {
        const bool counts = session.state == State::dialing || session.state == State::established;
        if (!counts || &session == except) {
            continue;
        }
        ++sessions;
        tunnels += load_of(session, now).channels;
        all_saturated = all_saturated && is_saturated(session, now);
    }
    return tunnels > shape_.channels_mark * sessions ||
           (all_saturated && sessions < shape_.shards_max + 1);
}

/// A session that is being dialled is under nothing yet.
bool SessionPool::is_saturated(const Session& session, io::TimePoint now) const noexcept {
    if (session.state != State::established) {
        return false;
    }
    return now < session.short_until || relay::is_saturated(load_of(session, now));
}

ShardId SessionPool::choose_shard(io::TimePoint now) const noexcept {
    struct Candidate {
        std::uint64_t busy_permille = 0;
        std::size_t sessions = 0;
    };
    std::vector<Candidate> candidates(shards_.size());
    for (const Session& session : sessions_) {
        if (session.state != State::none) {
            Candidate& candidate = candidates[index_of(session.shard)];
            ++candidate.sessions;
            if (is_fresh(session.counters, now)) {
                candidate.busy_permille =
                    std::max(candidate.busy_permille, session.counters.busy_permille.read());
            }
        }
    }
    std::size_t best = 0;
    std::optional<std::size_t> fresh;
    for (std::size_t at = 0; at < shards_.size(); ++at) {
        if (shards_[at].failed) {
            continue;
        }
        if (!shards_[at].started) {
            fresh = fresh.value_or(at);
            continue;
        }
        const Candidate& candidate = candidates[at];
        const Candidate& so_far = candidates[best];
        if (candidate.busy_permille < so_far.busy_permille ||
            (candidate.busy_permille == so_far.busy_permille &&
             candidate.sessions < so_far.sessions)) {
            best = at;
        }
    }
    const bool all_are_busy = candidates[best].busy_permille >= shape_.shard_busy_permille;
    return ShardId{static_cast<std::uint32_t>(all_are_busy && fresh ? *fresh : best)};
}

SessionPool::Dial SessionPool::begin_dial(ShardId shard, io::TimePoint now) noexcept {
    const auto free = std::find_if(sessions_.begin(), sessions_.end(), [](const Session& session) {
        return session.state == State::none;
    });
    expects(free != sessions_.end());
    free->state = State::dialing;
    free->shard = shard;
    free->dialed_at = now;
    free->handed_over = free->counters.tunnels_received.read();
    free->short_until = {};
    // What the last session in this place was under. Nobody else writes now.
    free->counters.channels.set(0);
    free->counters.queued_bytes.set(0);
    free->counters.measured_at_ns.set(0);
    free->counters.carried.set(0);
    shards_[index_of(shard)].started = true;
    return {SessionSlot{static_cast<std::uint32_t>(free - sessions_.begin())}, shard};
}

// ---- and back ----------------------------------------------------------------------------------

/// It carries or has carried something since the last look, or the pool would dial another in its
/// place.
bool SessionPool::is_needed(const Session& session, io::TimePoint now) const noexcept {
    return load_of(session, now).channels > 0 ||
           session.counters.tunnels_received.read() != session.received_when_needed ||
           is_wanted(0, now, &session);
}

void SessionPool::note_needs(io::TimePoint now) noexcept {
    for (Session& session : sessions_) {
        if (session.state == State::established && is_needed(session, now)) {
            session.needed_at = now;
            session.received_when_needed = session.counters.tunnels_received.read();
        }
    }
}

std::optional<SessionSlot> SessionPool::retire_one(io::TimePoint now) noexcept {
    note_needs(now);
    // Only what could be dialled again.
    if (!may_grow_ || forbidden_ || established_count() < 2) {
        return std::nullopt;
    }
    // Tunnels are placed from the front.
    const auto found =
        std::find_if(sessions_.rbegin(), sessions_.rend(), [this, now](const Session& session) {
            return session.state == State::established &&
                   now >= session.needed_at + shape_.idle_patience;
        });
    if (found == sessions_.rend()) {
        return std::nullopt;
    }
    found->state = State::retiring;
    return SessionSlot{static_cast<std::uint32_t>(&*found - sessions_.data())};
}

void SessionPool::kept(SessionSlot slot, io::TimePoint now) noexcept {
    if (at(slot).state == State::retiring) {
        at(slot).state = State::established;
        at(slot).needed_at = now;
    }
}

// ---- placement ---------------------------------------------------------------------------------

SessionLoad SessionPool::load_of(const Session& session, io::TimePoint now) const noexcept {
    const SessionCounters& counters = session.counters;
    const std::uint64_t received = counters.tunnels_received.read();
    SessionLoad load;
    load.channels = counters.channels.read();
    load.channels += session.handed_over > received ? session.handed_over - received : 0;
    load.queued_bytes = counters.queued_bytes.read();
    // Where no tunnel is left, what was measured last is over.
    if (load.channels > 0 && is_fresh(counters, now)) {
        load.bytes_per_second = counters.bytes_per_second.read();
        load.busy_permille = counters.busy_permille.read();
    }
    load.usable = session.state == State::established && load.channels < channels_max();
    load.avoided = now < session.short_until;
    return load;
}

std::optional<SessionSlot> SessionPool::place(io::TimePoint now,
                                              std::optional<SessionSlot> except) noexcept {
    loads_.clear();
    for (const Session& session : sessions_) {
        loads_.push_back(load_of(session, now));
    }
    if (except) {
        loads_[index_of(*except)].usable = false;
    }
    const std::uint64_t first = draw();
    const std::optional<std::size_t> chosen = choose_session(loads_, {first, draw()}, spread());
    return chosen ? std::optional{SessionSlot{static_cast<std::uint32_t>(*chosen)}} : std::nullopt;
}

/// What carries a session's bytes on this side, local programs included, are about two cores.
Spread SessionPool::spread() const noexcept {
    return {.sessions = std::max<std::size_t>(1, shape_.shards_max / 2),
            .channels_mark = shape_.channels_mark};
}

std::uint64_t SessionPool::draw() noexcept {
    // SplitMix64 (Steele, Lea, Flood 2014): short, and good enough to deal tunnels.
    random_ += 0x9e3779b97f4a7c15;
    std::uint64_t mixed = random_;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    return mixed ^ (mixed >> 31);
}

// ---- questions ---------------------------------------------------------------------------------

std::size_t SessionPool::count(State state) const noexcept {
    return static_cast<std::size_t>(
        std::count_if(sessions_.begin(), sessions_.end(), [state](const Session& session) {
            return session.state == state;
        }));
}

std::size_t SessionPool::established_count() const noexcept {
    return count(State::established);
}

std::size_t SessionPool::dialing_count() const noexcept {
    return count(State::dialing);
}

bool SessionPool::was_established(SessionSlot slot) const noexcept {
    return at(slot).state == State::established || at(slot).state == State::failing;
}

bool SessionPool::is_dialing(SessionSlot slot) const noexcept {
    return at(slot).state == State::dialing;
}

ShardId SessionPool::shard_of(SessionSlot slot) const noexcept {
    return at(slot).shard;
}

SessionCounters& SessionPool::counters(SessionSlot slot) noexcept {
    return at(slot).counters;
}

std::size_t SessionPool::channels_max() const noexcept {
    return std::max(shape_.channels_max, shape_.channels_mark);
}

}  // namespace caponier::relay
