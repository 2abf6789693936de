#pragma once
// The Loop over io_uring. Submitting only links the Completion into a list; a turn makes submission
// queue entries from that list, enters the kernel once, and calls back for what has completed. The
// queue's length therefore limits a turn, never the number of operations.
//
// uring_loop.cpp is the turn and the submission, uring_operations.cpp what a completion queue entry
// means to each kind of operation. Ring and buffers have files of their own.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "engine/io/completion_list.h"
#include "engine/io/loop.h"
#include "engine/io/post_queue.h"
#include "engine/io/timer_queue.h"
#include "engine/io/uring_buffer_pool.h"
#include "engine/io/uring_ring.h"
#include "engine/io/uring_socket_table.h"

namespace caponier::io {

class UringLoop final : public Loop {
  public:
    /// For the calling thread. The error says in one line what is refused and why.
    [[nodiscard]] static tl::expected<std::unique_ptr<UringLoop>, std::string> make(
        const UringOptions& options = {});

    /// Use make().
    UringLoop(std::unique_ptr<UringRing> ring, Socket wakeup) noexcept;
    ~UringLoop() override;

    /// "io_uring (SINGLE_ISSUER|DEFER_TASKRUN|...)".
    [[nodiscard]] std::string describe() const;
    /// How often the loop entered the kernel.
    [[nodiscard]] std::uint64_t enters() const noexcept { return ring_->enters(); }

    [[nodiscard]] std::string_view name() const noexcept override { return "io_uring"; }
    [[nodiscard]] TimePoint now() const noexcept override { return now_; }
    std::size_t run_once(bool wait = true) noexcept override;

    [[nodiscard]] IoResult<std::unique_ptr<BufferPool>> make_pool(
        const BufferPool::Shape& shape) override;
    [[nodiscard]] IoResult<Socket> listen(const Address& address,
                                          const ListenOptions& options = {}) override;
    [[nodiscard]] Address local_address(const Socket& socket) const noexcept override;
    [[nodiscard]] Address peer_address(const Socket& socket) const noexcept override;
    [[nodiscard]] std::size_t undelivered_bytes(const Socket& socket) const noexcept override;
    void set_no_delay(const Socket& socket) noexcept override;
    void set_unsent_low_water(const Socket& socket, std::uint32_t bytes) noexcept override;
    void acknowledge_now(const Socket& socket) noexcept override;

    void accept(const Socket& listener, Completion& done) noexcept override;
    void connect(const Address& address, Completion& done) noexcept override;
    void receive(const Socket& socket,
                 BufferPool& pool,
                 std::uint32_t limit_bytes,
                 Completion& done) noexcept override;
    void send(const Socket& socket,
              std::span<const Piece> pieces,
              Completion& done) noexcept override;
    void send_immediately(const Socket& socket,
                          std::span<const Piece> pieces,
                          Completion& done) noexcept override;
    void shutdown(const Socket& socket, Completion& done) noexcept override;
    void watch_hangup(const Socket& socket, Completion& done) noexcept override;
    void close(Socket&& socket, Completion& done) noexcept override;
    void reset(Socket&& socket, Completion& done) noexcept override;
    void wait_until(TimePoint due, Completion& done) noexcept override;
    void cancel(Completion& done) noexcept override;
    void post(Completion& done) noexcept override;

  private:
    using Kind = Completion::Kind;
    using State = Completion::State;

    // ---- submission ----
    void begin(Completion& done, Kind kind, int fd) noexcept;
    void submit(Completion& done) noexcept;
    void submit_send(const Socket& socket,
                     std::span<const Piece> pieces,
                     Completion& done,
                     Kind kind) noexcept;
    void end_socket(Socket&& socket, Completion& done, Kind kind) noexcept;
    void finish_later(Completion& done, int result) noexcept;
    /// Ends what the kernel has of it, and nothing else of it.
    void end_in_kernel(Completion& operation) noexcept;

    // ---- the turn ----
    void feed_starved() noexcept;
    void prepare_pending() noexcept;
    void prepare_wakeup() noexcept;
    void prepare(Completion& operation) noexcept;
    void prepare_send(io_uring_sqe& submission, Completion& send) noexcept;
    [[nodiscard]] bool may_sleep() const noexcept;
    [[nodiscard]] std::optional<TimePoint::duration> time_to_next_timer() const noexcept;
    void shut_down_pending() noexcept;
    void expire_timers() noexcept;
    std::size_t run_ready() noexcept;
    std::size_t run_completions() noexcept;
    std::size_t run_posted() noexcept;

    // ---- what a result means; each returns how many callbacks ran ----
    std::size_t complete(Completion& done, const UringCompletion& completion) noexcept;
    std::size_t complete_accept(Completion& done, const UringCompletion& completion) noexcept;
    std::size_t complete_connect(Completion& done, int result) noexcept;
    std::size_t complete_receive(Completion& done, const UringCompletion& completion) noexcept;
    std::size_t complete_send(Completion& done, const UringCompletion& completion) noexcept;
    std::size_t complete_poll_for_room(Completion& send,
                                       const UringCompletion& completion) noexcept;
    std::size_t complete_watch(Completion& done, const UringCompletion& completion) noexcept;
    std::size_t finish(Completion& done, Outcome& outcome) noexcept;
    std::size_t finish_with(Completion& done, int error) noexcept;

    std::unique_ptr<UringRing> ring_;
    PostQueue posted_;
    TimerQueue timers_;
    UringPools pools_;
    UringSocketTable sockets_;
    CompletionList pending_;    ///< to be made submission queue entries
    CompletionList shutdowns_;  ///< to be done behind the sends of this turn
    CompletionList ready_;      ///< finished without the kernel: call back next turn
    std::size_t ready_count_ = 0;
    std::size_t in_flight_ = 0;
    bool is_wakeup_armed_ = false;
    TimePoint now_;
};

}  // namespace caponier::io
