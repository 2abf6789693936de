#pragma once
// One thread's share of the relay: its session workers and forwarded connections, over the loop of
// that thread. Shards share nothing; a process may have many. What to do comes in letters from
// relay.cpp, which decides; what became of it goes back in letters.

#include <cstddef>
#include <memory>
#include <vector>

#include "engine/io/loop.h"
#include "engine/relay/counters.h"
#include "engine/relay/forwarded_connection.h"
#include "engine/relay/letters.h"
#include "engine/relay/observer.h"
#include "engine/relay/session_worker.h"

namespace caponier::relay {

class Shard final : ForwardedConnection::Owner, SessionWorker::Owner, Mailbox<ShardLetter>::Reader {
  public:
    /// Where it belongs. What is referred to outlives the shard.
    struct Place {
        ShardId id{};
        Mailbox<RelayLetter>& relay;
        const Destination& destination;
        Observer& observer;
        Counters& counters;
    };

    Shard(io::Loop& loop, const Place& place);
    ~Shard();

    /// Gets its memory and says ShardReady, or ShardFailed and nothing else.
    void start() noexcept;
    /// One turn of the loop and everything that follows from it.
    void turn() noexcept;
    /// The latter, where somebody else turns the loop.
    void after_turn() noexcept;
    /// start() and turns until finished; for a thread that does nothing else.
    void run() noexcept;
    [[nodiscard]] bool is_finished() const noexcept { return phase_ == Phase::finished; }

  private:
    /// Only move_to() changes it.
    enum class Phase : std::uint8_t {
        idle,
        serving,
        draining,  ///< the open connections finish
        ending,    ///< waits for what is in flight to come back
        empty,     ///< nothing is left but the last letter
        finished,
    };
    struct Session {
        Session(Shard& shard, const DialSession& letter) noexcept;

        SessionSlot slot;
        SessionCounters& counters;
        SessionWorker worker;
        bool was_established = false;
        bool is_over = false;
        std::uint64_t bytes_measured = 0;    ///< of counters.bytes, at the last measure
        std::size_t saturated_in_a_row = 0;  ///< measures
    };

    void move_to(Phase next) noexcept;
    [[nodiscard]] bool make_pools() noexcept;

    void read(ShardLetter&& letter) noexcept override;
    void take(const DialSession& letter) noexcept;
    void take(const CallOffDial& letter) noexcept;
    void take(const RetireSession& letter) noexcept;
    void take(ServeTunnel&& letter) noexcept;
    void drain() noexcept;
    void end() noexcept;
    void abort() noexcept;

    void connection_ended(ForwardedConnection& connection) noexcept override;
    void returned(ForwardedConnection& connection,
                  io::Socket&& socket,
                  const Refusal& refusal) noexcept override;
    void session_established(SessionWorker& worker) noexcept override;
    void session_ended(SessionWorker& worker, const SessionEnd& end) noexcept override;
    void wants_settling(SessionWorker& worker) noexcept override;

    [[nodiscard]] Session* find(SessionSlot slot) noexcept;
    [[nodiscard]] Session& session_of(const SessionWorker& worker) noexcept;
    void publish() noexcept;
    void measure() noexcept;
    void go_on() noexcept;
    void check_openings_later() noexcept;
    void on_openings_check(io::Outcome& outcome) noexcept;
    void watch_movement() noexcept;
    [[nodiscard]] bool has_moved() noexcept;
    void on_movement_look(io::Outcome& outcome) noexcept;

    io::Loop& loop_;
    Place place_;
    Mailbox<ShardLetter> mailbox_;
    Phase phase_ = Phase::idle;

    std::unique_ptr<io::BufferPool> small_pool_;
    std::unique_ptr<io::BufferPool> large_pool_;
    std::unique_ptr<io::BufferPool> session_pool_;
    std::vector<std::unique_ptr<Session>> sessions_;
    std::vector<SessionWorker*> unsettled_;
    std::vector<std::unique_ptr<ForwardedConnection>> connections_;
    std::vector<std::unique_ptr<ForwardedConnection>> ended_;  ///< destroyed after the turn

    io::TimePoint next_measure_{};
    io::TimePoint last_measure_{};
    std::chrono::nanoseconds cpu_at_measure_{0};
    io::Completion openings_check_;
    io::Completion movement_look_;
    /// What a look of a drain found, to be compared with the next.
    struct Movement {
        std::uint64_t passed = 0;          ///< bytes of connections, both ways
        std::size_t on_way_to_server = 0;  ///< not acknowledged by its kernel
        std::size_t on_way_to_clients = 0;
    };
    Movement movement_;
};

}  // namespace caponier::relay
