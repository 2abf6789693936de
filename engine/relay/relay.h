#pragma once
// The data plane of one destination: listeners, the pool of SSH sessions over the shards, and the
// way of a tunnel from the one to the other. Lives on one loop, together with the first shard;
// further shards have threads and loops of their own, and are told by letters what to do.
//
//   Listener --accepted--> Relay --SessionPool::place--> ServeTunnel --> Shard of that session
//                            |  no room                                        |
//                            v                                                 |
//                       WaitingRoom            <------ TunnelReturned ---------+

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/io/loop.h"
#include "engine/relay/counters.h"
#include "engine/relay/letters.h"
#include "engine/relay/limits.h"
#include "engine/relay/listeners.h"
#include "engine/relay/observer.h"
#include "engine/relay/session_pool.h"
#include "engine/relay/shard.h"
#include "engine/relay/waiting_room.h"

namespace caponier::relay {

/// Where further shards come from. Outlives the relay, and its threads do not outlive the relay's
/// loop.
class ShardStarter {
  public:
    ShardStarter() = default;
    ShardStarter(const ShardStarter&) = delete;
    ShardStarter& operator=(const ShardStarter&) = delete;
    virtual ~ShardStarter() = default;
    /// Makes a Shard for `place` over a loop and on a thread of its own and lets it run() there. A
    /// failure is told as ShardFailed. Does not block.
    virtual void start_shard(const Shard::Place& place) noexcept = 0;
};

class Relay final : Listener::User, WaitingRoom::User, Mailbox<RelayLetter>::Reader {
  public:
    struct Plan {
        const Destination& destination;
        std::span<const Forward> forwards;
        /// One forward that cannot listen ends everything; else only if none can.
        bool exit_on_forward_failure = false;
        PoolShape pool{};
        /// request_drain() lets connections finish for so long at most; 0: not at all.
        std::chrono::milliseconds drain_timeout = drain_patience;
        std::uint64_t seed = 1;           ///< of the dice that place tunnels
        ShardStarter* starter = nullptr;  ///< needed for more than one shard
    };

    /// `loop`, `observer` and what `plan` refers to outlive the relay.
    Relay(io::Loop& loop, Observer& observer, const Plan& plan);
    ~Relay();

    /// Dials. From here on the observer is told what happens.
    void start() noexcept;
    /// One turn of the loop and everything that follows from it.
    void turn() noexcept;
    /// start() and turns until finished; for a thread that does nothing else.
    void run() noexcept;
    [[nodiscard]] bool is_finished() const noexcept { return phase_ == Phase::finished; }

    /// Stops listening, lets connections finish for Plan::drain_timeout, but not while no byte
    /// moves (drain_quiet), resets what is open then, and says goodbye. From any thread, once.
    void request_drain() noexcept { loop_.post(drain_request_); }
    /// The same without patience. From any thread, once.
    void request_abort() noexcept { loop_.post(abort_request_); }

    struct Totals {
        std::uint64_t connections_open = 0;
        std::uint64_t connections_total = 0;
        std::uint64_t bytes_up = 0;
        std::uint64_t bytes_down = 0;
    };
    /// Of all shards. From any thread.
    [[nodiscard]] Totals totals() const noexcept;

  private:
    /// Only move_to() changes it.
    enum class Phase : std::uint8_t {
        idle,
        connecting,
        serving,
        draining,  ///< no new connections; the open ones finish
        ending,    ///< waits for the shards and for what is in flight
        finished,
    };
    struct ShardEntry {
        enum class State : std::uint8_t { none, starting, running, gone };
        State state = State::none;
        Mailbox<ShardLetter>* mailbox = nullptr;
        std::vector<DialSession> dials;  ///< to be told when it runs
    };

    void move_to(Phase next) noexcept;

    void accepted(io::Socket&& socket, const Target& target) noexcept override;
    void accept_paused(int os_error) noexcept override;
    void listener_closed() noexcept override;
    void let_in(Tunnel&& tunnel, SessionSlot slot) noexcept override;
    void left(SessionSlot slot) noexcept override;

    void read(RelayLetter&& letter) noexcept override;
    void take(const ShardReady& letter) noexcept;
    void take(const ShardFailed& letter) noexcept;
    void take(const SessionEstablished& letter) noexcept;
    void take(const SessionLost& letter) noexcept;
    void take(const SessionKept& letter) noexcept;
    void take(const SessionSaturated& letter) noexcept;
    void take(TunnelReturned&& letter) noexcept;
    void take(const ShardEmpty& letter) noexcept;

    [[nodiscard]] Shard::Place place_of(ShardId shard) noexcept;
    [[nodiscard]] ShardEntry& entry(ShardId shard) noexcept;
    void dial(const SessionPool::Dial& dial) noexcept;
    void end_without_sessions() noexcept;
    void heed_takeovers(bool was_single) noexcept;
    void call_off(SessionSlot slot) noexcept;
    void grow() noexcept;
    [[nodiscard]] std::uint64_t memory_room() const noexcept;
    [[nodiscard]] bool may_wait() const noexcept;
    [[nodiscard]] std::optional<SessionSlot> place() noexcept;
    void hand_over(Tunnel&& tunnel, SessionSlot slot) noexcept;
    void serve_waiting() noexcept;
    void refuse(Tunnel&& tunnel, std::string_view reason) noexcept;
    void refuse_waiting(std::string_view reason) noexcept;
    void watch_descriptors() noexcept;
    [[nodiscard]] std::string_view why_nobody_is_let_in() const noexcept;
    void set_timer() noexcept;
    void on_timer(io::Outcome& outcome) noexcept;
    void on_idle_look(io::Outcome& outcome) noexcept;

    template <typename Letter>
    void tell_shards(const Letter& letter) noexcept;
    void end(Finish why) noexcept;
    void close_entrance() noexcept;
    void go_on() noexcept;
    [[nodiscard]] bool all_shards_are_gone() const noexcept;
    [[nodiscard]] bool drain_is_over() const noexcept;
    void abort() noexcept;
    void on_drain_request(io::Outcome& outcome) noexcept;
    void on_abort_request(io::Outcome& outcome) noexcept;

    io::Loop& loop_;
    Observer& observer_;
    Plan plan_;
    Phase phase_ = Phase::idle;
    Finish finish_ = Finish::stopped;
    /// The last session, since it has ended; another is being dialled that may take its place.
    std::optional<SessionLost> last_lost_;

    std::vector<Counters> counters_;  ///< one each shard
    SessionPool pool_;
    Mailbox<RelayLetter> mailbox_;
    std::vector<ShardEntry> shards_;
    Shard first_shard_;
    Listeners listeners_;
    std::size_t listeners_open_ = 0;
    WaitingRoom waiting_;
    std::uint64_t connections_open_ = 0;  ///< at the last look

    io::TimePoint drain_began_{};
    io::Completion timer_;
    io::Completion idle_look_;
    io::Completion drain_request_;
    io::Completion abort_request_;
};

}  // namespace caponier::relay
