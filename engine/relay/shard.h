#pragma once
// One thread's share of the relay: its session worker, listeners and forwarded connections, over
// the loop of that thread. Shards share nothing; a process may have many.

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/io/loop.h"
#include "engine/relay/counters.h"
#include "engine/relay/forwarded_connection.h"
#include "engine/relay/listener.h"
#include "engine/relay/observer.h"
#include "engine/relay/session_worker.h"

namespace caponier::relay {

class Shard final : Listener::User, ForwardedConnection::Owner, SessionWorker::Owner {
  public:
    struct Plan {
        const Destination& destination;
        std::span<const Forward> forwards;
        /// One forward that cannot listen ends everything; else only if none can.
        bool exit_on_forward_failure = false;
    };

    /// `loop`, `observer` and what `plan` refers to outlive the shard.
    Shard(io::Loop& loop, Observer& observer, const Plan& plan);
    ~Shard();

    /// Dials. From here on the observer is told what happens.
    void start() noexcept;
    /// One turn of the loop and everything that follows from it.
    void turn() noexcept;
    /// start() and turns until finished; for a thread that does nothing else.
    void run() noexcept;
    [[nodiscard]] bool is_finished() const noexcept { return phase_ == Phase::finished; }

    /// Stops listening, lets connections finish for drain_patience, says goodbye. From any thread,
    /// once.
    void request_drain() noexcept { loop_.post(drain_request_); }
    /// The same without patience. From any thread, once.
    void request_abort() noexcept { loop_.post(abort_request_); }

    /// From any thread.
    [[nodiscard]] const Counters& counters() const noexcept { return counters_; }

  private:
    /// Only move_to() changes it.
    enum class Phase : std::uint8_t {
        idle,
        connecting,
        serving,
        draining,  ///< no new connections; the open ones finish
        ending,    ///< waits for what is in flight to come back
        finished,
    };

    void move_to(Phase next) noexcept;

    void accepted(io::Socket&& socket, const Target& target) noexcept override;
    void accept_paused(int os_error) noexcept override;
    void listener_closed() noexcept override;
    void connection_ended(ForwardedConnection& connection) noexcept override;
    void session_established(SessionWorker& worker) noexcept override;
    void session_ended(SessionWorker& worker, const SessionEnd& end) noexcept override;
    void wants_settling(SessionWorker& worker) noexcept override;

    [[nodiscard]] std::optional<io::Address> listen(const Forward& forward) noexcept;
    [[nodiscard]] bool make_pools() noexcept;
    void drain() noexcept;
    void end(Finish why) noexcept;
    void close_listeners() noexcept;
    void go_on() noexcept;

    void on_drain_request(io::Outcome& outcome) noexcept;
    void on_abort_request(io::Outcome& outcome) noexcept;
    void on_drain_over(io::Outcome& outcome) noexcept;

    io::Loop& loop_;
    Observer& observer_;
    Plan plan_;
    Phase phase_ = Phase::idle;
    Finish finish_ = Finish::stopped;
    bool patience_is_over_ = false;  ///< of a drain
    Counters counters_;

    std::unique_ptr<io::BufferPool> local_pool_;
    std::unique_ptr<io::BufferPool> session_pool_;
    std::unique_ptr<SessionWorker> worker_;
    bool session_over_ = true;
    std::vector<SessionWorker*> unsettled_;
    std::vector<std::unique_ptr<Listener>> listeners_;
    std::size_t listeners_open_ = 0;
    std::vector<std::unique_ptr<ForwardedConnection>> connections_;
    std::vector<std::unique_ptr<ForwardedConnection>> ended_;  ///< destroyed after the turn

    io::Completion drain_request_;
    io::Completion abort_request_;
    io::Completion drain_over_;
};

}  // namespace caponier::relay
