#pragma once
// The third Loop: the contract of engine/io/loop.h over sim_network.h, on virtual time, with one
// seeded generator and the faults of faults.h. Whatever runs on it runs the same way each time.
// It also watches its user: bytes changed under a send, a second receive on a socket and the like
// end the process, and operations and leases are counted.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/io/loop.h"
#include "tests/sim/faults.h"
#include "tests/sim/sim_network.h"
#include "tests/sim/sim_pool.h"

namespace caponier::sim {

class SimLoop final : public io::Loop, private Participant, private PoolObserver {
  public:
    explicit SimLoop(SimNetwork& network, const Faults& faults = {});
    ~SimLoop() override;

    // ---- for tests ----------------------------------------------------------------------------

    void set_faults(const Faults& faults) noexcept { faults_ = faults; }
    /// What its thread does behind a turn, where this loop runs while another one waits.
    void set_after_turn(std::function<void()> after_turn) { after_turn_ = std::move(after_turn); }
    [[nodiscard]] std::size_t in_flight() const noexcept;
    [[nodiscard]] std::size_t leases_out() const noexcept;
    /// True if the last waiting run_once() found that nothing can ever complete: a deadlock.
    [[nodiscard]] bool is_stalled() const noexcept { return stalled_; }
    /// One line for each operation in flight.
    [[nodiscard]] std::string describe_in_flight() const;

    // ---- io::Loop -----------------------------------------------------------------------------

    [[nodiscard]] std::string_view name() const noexcept override { return "simulation"; }
    [[nodiscard]] io::TimePoint now() const noexcept override { return turn_began_; }
    /// A waiting turn that can never end returns 0, and so can be told by is_stalled().
    std::size_t run_once(bool wait = true) noexcept override;

    [[nodiscard]] io::IoResult<std::unique_ptr<io::BufferPool>> make_pool(
        const io::BufferPool::Shape& shape) override;
    [[nodiscard]] io::IoResult<io::Socket> listen(const io::Address& address,
                                                  const io::ListenOptions& options = {}) override;
    [[nodiscard]] io::Address local_address(const io::Socket& socket) const noexcept override;
    [[nodiscard]] io::Address peer_address(const io::Socket& socket) const noexcept override;
    [[nodiscard]] std::size_t undelivered_bytes(const io::Socket& socket) const noexcept override;
    void set_no_delay(const io::Socket& socket) noexcept override;
    void set_unsent_low_water(const io::Socket& socket, std::uint32_t bytes) noexcept override;
    void acknowledge_now(const io::Socket& socket) noexcept override;

    /// Simulated threads use no time.
    [[nodiscard]] std::chrono::nanoseconds thread_cpu_time() const noexcept override { return {}; }

    void accept(const io::Socket& listener, io::Completion& done) noexcept override;
    void connect(const io::Address& address, io::Completion& done) noexcept override;
    void receive(const io::Socket& socket,
                 io::BufferPool& pool,
                 std::uint32_t limit_bytes,
                 io::Completion& done) noexcept override;
    void send(const io::Socket& socket,
              std::span<const io::Piece> pieces,
              io::Completion& done) noexcept override;
    void send_immediately(const io::Socket& socket,
                          std::span<const io::Piece> pieces,
                          io::Completion& done) noexcept override;
    void shutdown(const io::Socket& socket, io::Completion& done) noexcept override;
    void watch_hangup(const io::Socket& socket, io::Completion& done) noexcept override;
    void close(io::Socket&& socket, io::Completion& done) noexcept override;
    void reset(io::Socket&& socket, io::Completion& done) noexcept override;
    void wait_until(io::TimePoint due, io::Completion& done) noexcept override;
    void cancel(io::Completion& done) noexcept override;
    void post(io::Completion& done) noexcept override;

  private:
    using Kind = io::Completion::Kind;
    using Id = std::uint64_t;

    struct Operation {
        io::Completion* completion = nullptr;
        Kind kind = Kind::none;
        int socket = -1;
        std::uint32_t limit_bytes = 0;
        SimPool* pool = nullptr;
        std::span<const io::Piece> pieces;
        std::uint64_t fingerprint = 0;  ///< of what the pieces point to
        io::Address address;
        bool attempt_scheduled = false;
        bool finished = false;  ///< the outcome is known, the callback still to come
        bool cancel_asked = false;
        io::Outcome outcome;
    };

    Id submit(io::Completion& done, Operation&& operation);
    void submit_send(const io::Socket& socket,
                     std::span<const io::Piece> pieces,
                     Kind kind,
                     io::Completion& done);
    void expect_alone(int socket, Kind kind) const;
    void schedule_attempt(Id id, std::chrono::nanoseconds delay);
    void attempt(Id id);
    /// Each returns true when the operation's outcome is known.
    bool attempt_accept(Operation& operation);
    bool attempt_connect(Operation& operation);
    bool attempt_receive(Operation& operation);
    bool attempt_send(Operation& operation);
    bool attempt_shutdown(Operation& operation);
    bool attempt_close(Id id, Operation& operation);
    [[nodiscard]] bool broken_by_fault(int socket, std::uint32_t chance);

    void finish(Id id, int error);
    void make_ready(Id id);
    void cancel_operation(Id id);
    void take_posts();
    void call_back(Id id);
    void call_back_accepted(Id id);
    void forget_unclaimed(io::Outcome& outcome);
    [[nodiscard]] std::chrono::nanoseconds lateness();

    void socket_changed(int number) noexcept override;
    std::size_t run_ready() noexcept override;
    void pool_changed(SimPool& pool) noexcept override;
    void pool_gone(SimPool& pool) noexcept override;

    SimNetwork& network_;
    Faults faults_;
    io::TimePoint turn_began_;
    std::map<Id, Operation> operations_;
    Id next_id_ = 1;
    std::vector<Id> ready_;
    std::vector<SimPool*> pools_;
    std::function<void()> after_turn_;
    bool running_ = false;
    bool stalled_ = false;

    mutable std::mutex posted_mutex_;
    std::vector<io::Completion*> posted_;
};

}  // namespace caponier::sim
