#pragma once
// The sessions to one destination: which there are, on which shard, when another is dialled, and
// which one takes the next tunnel. Pure policy: it knows numbers and the time it is given, and does
// nothing. relay.cpp dials and hands over; placement.h compares loads.
//
// The pool grows while tunnels outnumber `channels_mark` a session, and while every session is
// saturated: a session is one core here and one on the server, and both scan all channels of a
// session at every wake-up. So there is one that is free before the next tunnel comes, which then
// neither waits for the dial nor stands behind somebody's bulk transfer. More sessions than cores
// would only compete for them: as many as there are shards, and one, are dialled for load, and
// tunnels are spread over half as many until these are full to the mark. It shrinks slowly: a new
// session costs a key exchange, an authentication and a line in the server's log, and the load that
// made it grow tends to come back; but an idle one costs the server a process and a login. So what
// nobody has needed for minutes is ended, one at a time.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/io/loop.h"
#include "engine/relay/counters.h"
#include "engine/relay/limits.h"
#include "engine/relay/placement.h"
#include "engine/relay/session_slot.h"

namespace caponier::relay {

/// What the user may set.
struct PoolShape {
    std::size_t sessions_max = 16;
    /// Tunnels per session at which another is dialled.
    std::size_t channels_mark = 64;
    /// Beyond this a session takes none, unless the mark is higher.
    std::size_t channels_max = session_channels_max;
    std::size_t shards_max = 1;
    /// A session that nobody has needed for so long is ended while there are others.
    std::chrono::nanoseconds idle_patience = session_idle_patience;
    /// A shard whose thread is this busy gets no further session while there may be another shard.
    std::uint64_t shard_busy_permille = 500;
};

class SessionPool {
  public:
    explicit SessionPool(const PoolShape& shape, std::uint64_t seed = 1);

    // ---- what happened ------------------------------------------------------------------------

    /// `repeatable`: another session can be authenticated without asking anybody.
    void established(SessionSlot slot, bool repeatable, io::TimePoint now) noexcept;
    /// The session's tunnels come back: it is as good as lost.
    void failing(SessionSlot slot) noexcept;
    /// Why there is no session in the slot any more.
    enum class Loss : std::uint8_t {
        ended,       ///< it had been established
        not_dialed,  ///< it was never established: try again, later and later
        forbidden,   ///< the user's side refused it: do not try again
        withdrawn,   ///< we ended it ourselves, and nobody is to blame
    };
    void lost(SessionSlot slot, Loss how, io::TimePoint now) noexcept;
    /// A channel was refused for lack of resources.
    void ran_short(SessionSlot slot, io::TimePoint now) noexcept;
    /// A tunnel is on its way to the session; or did not leave after all.
    void handed_over(SessionSlot slot) noexcept;
    void kept_back(SessionSlot slot) noexcept;
    /// The session that was to be retired carries something: it stays.
    void kept(SessionSlot slot, io::TimePoint now) noexcept;
    /// Something changed that sessions may be needed for.
    void note_needs(io::TimePoint now) noexcept;
    /// No further session goes there; the ones that were to be dialled there are lost.
    void shard_failed(ShardId shard) noexcept;

    // ---- what to do ---------------------------------------------------------------------------

    struct Dial {
        SessionSlot slot{};
        ShardId shard{};
    };
    /// The first session.
    [[nodiscard]] Dial dial_first() noexcept;
    /// Another one, if it is wanted now; it counts as being dialled from here on. `waiting` tunnels
    /// have found no session.
    [[nodiscard]] std::optional<Dial> dial_another(std::size_t waiting, io::TimePoint now) noexcept;
    /// Before this, dial_another() says no.
    [[nodiscard]] io::TimePoint pause_over() const noexcept { return not_before_; }
    /// One that nobody has needed for `idle_patience`; it counts as gone from here on, and lost()
    /// or kept() follows. To be asked now and then, as often as idle_look().
    [[nodiscard]] std::optional<SessionSlot> retire_one(io::TimePoint now) noexcept;
    [[nodiscard]] std::chrono::nanoseconds idle_look() const noexcept {
        return shape_.idle_patience / session_idle_looks;
    }
    /// Where the next tunnel goes. Nothing: all are full. Never to `except`.
    [[nodiscard]] std::optional<SessionSlot> place(
        io::TimePoint now, std::optional<SessionSlot> except = std::nullopt) noexcept;

    // ---- questions ----------------------------------------------------------------------------

    [[nodiscard]] std::size_t established_count() const noexcept;
    [[nodiscard]] std::size_t dialing_count() const noexcept;
    [[nodiscard]] bool was_established(SessionSlot slot) const noexcept;
    [[nodiscard]] bool is_dialing(SessionSlot slot) const noexcept;
    [[nodiscard]] std::size_t slots() const noexcept { return sessions_.size(); }
    /// The server lets this user have one session at a time and ends the older one for the newer:
    /// no further one is dialled, and those that are being dialled had better be called off.
    [[nodiscard]] bool is_single() const noexcept { return takeovers_ >= takeovers_believed; }
    [[nodiscard]] ShardId shard_of(SessionSlot slot) const noexcept;
    /// What the session's shard writes to.
    [[nodiscard]] SessionCounters& counters(SessionSlot slot) noexcept;
    [[nodiscard]] std::size_t channels_max() const noexcept;

  private:
    enum class State : std::uint8_t { none, dialing, established, failing, retiring };
    struct Session {
        State state = State::none;
        ShardId shard{};
        io::TimePoint dialed_at{};
        io::TimePoint established_at{};
        io::TimePoint needed_at{};               ///< last, as far as was looked
        std::uint64_t received_when_needed = 0;  ///< tunnels, until then
        std::uint64_t handed_over = 0;
        io::TimePoint short_until{};
        SessionCounters counters;
    };
    struct Shard {
        bool started = false;
        bool failed = false;
    };

    [[nodiscard]] Session& at(SessionSlot slot) noexcept;
    [[nodiscard]] const Session& at(SessionSlot slot) const noexcept;
    [[nodiscard]] std::size_t count(State state) const noexcept;
    [[nodiscard]] Spread spread() const noexcept;
    [[nodiscard]] SessionLoad load_of(const Session& session, io::TimePoint now) const noexcept;
    [[nodiscard]] bool is_wanted(std::size_t waiting,
                                 io::TimePoint now,
                                 const Session* except = nullptr) const noexcept;
    [[nodiscard]] bool is_needed(const Session& session, io::TimePoint now) const noexcept;
    [[nodiscard]] bool is_saturated(const Session& session, io::TimePoint now) const noexcept;
    [[nodiscard]] bool has_proved(const Session& session, io::TimePoint now) const noexcept;
    [[nodiscard]] std::size_t undecided_count(io::TimePoint now) const noexcept;
    void forget_failures(io::TimePoint now) noexcept;
    void look_for_takeover(const Session& lost, io::TimePoint now) noexcept;
    void count_takeover(bool had_lasted) noexcept;
    [[nodiscard]] ShardId choose_shard(io::TimePoint now) const noexcept;
    [[nodiscard]] Dial begin_dial(ShardId shard, io::TimePoint now) noexcept;
    [[nodiscard]] std::uint64_t draw() noexcept;

    PoolShape shape_;
    std::vector<Session> sessions_;
    std::vector<Shard> shards_;
    std::vector<SessionLoad> loads_;  ///< place()'s
    std::uint64_t random_;
    bool may_grow_ = false;
    bool forbidden_ = false;
    std::size_t failures_ = 0;  ///< dials since the last whose session has proved itself
    io::TimePoint failed_at_{};
    io::TimePoint not_before_{};
    std::size_t takeovers_ = 0;
    io::TimePoint last_one_lost_at_{};  ///< when the last established session was lost
    bool last_one_had_lasted_ = false;
};

}  // namespace caponier::relay
