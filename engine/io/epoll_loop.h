#pragma once
// The Loop over epoll, for kernels and sandboxes without io_uring. It imitates completions: an
// operation is tried when it is submitted, and again when epoll says that it is worth it; what it
// came to waits on a list until the next turn calls back.
//
// epoll_loop.cpp is the submission and the turn, epoll_operations.cpp what each kind of operation
// does with its socket. What the kernel watches for is epoll_set.h's, buffers are
// epoll_buffer_pool.h's.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "engine/io/completion_list.h"
#include "engine/io/epoll_buffer_pool.h"
#include "engine/io/epoll_set.h"
#include "engine/io/loop.h"
#include "engine/io/post_queue.h"
#include "engine/io/timer_queue.h"

namespace caponier::io {

class EpollLoop final : public Loop {
  public:
    /// For the calling thread. Fails only where the process has no descriptors left.
    [[nodiscard]] static IoResult<std::unique_ptr<EpollLoop>> make();

    /// Use make().
    EpollLoop(Socket epoll, Socket wakeup);
    ~EpollLoop() override;

    [[nodiscard]] std::string_view name() const noexcept override { return "epoll"; }
    [[nodiscard]] TimePoint now() const noexcept override { return turn_began_; }
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

    // ---- submission: epoll_loop.cpp ----
    void begin(Completion& done, Kind kind, int fd) noexcept;
    void submit_send(const Socket& socket,
                     std::span<const Piece> pieces,
                     Completion& done,
                     Kind kind) noexcept;
    void end_socket(Socket&& socket, Completion& done, Kind kind) noexcept;
    /// The operation's outcome is known: `result` is a count of bytes or a negative errno.
    void finish(Completion& done, std::int64_t result) noexcept;
    void finish_canceled(Completion& done) noexcept;

    // ---- the turn: epoll_loop.cpp ----
    void feed_starved() noexcept;
    [[nodiscard]] std::optional<std::chrono::nanoseconds> time_to_sleep(bool wait) const noexcept;
    void take_posted() noexcept;
    void expire_timers() noexcept;
    std::size_t run_ready() noexcept;

    // ---- what becomes of an operation: epoll_operations.cpp ----
    void serve_event(int fd, std::uint32_t events) noexcept;
    void wait_for_event(Completion& operation) noexcept;
    void try_receive(Completion& receive) noexcept;
    void try_send(Completion& send) noexcept;
    void finish_connect(Completion& connect) noexcept;
    void finish_watch(Completion& watch) noexcept;
    /// Runs the callbacks of an operation that is ready, and returns how many.
    std::size_t call_back(Completion& operation) noexcept;
    std::size_t accept_waiting(Completion& accept) noexcept;
    void end_accept(Completion& accept) noexcept;
    void release(Completion& operation) noexcept;

    EpollSet sockets_;
    PostQueue posted_;
    TimerQueue timers_;
    EpollPools pools_;
    CompletionList ready_;  ///< their outcomes are known: to be called back
    std::size_t in_flight_ = 0;
    bool is_running_ = false;
    TimePoint turn_began_;
};

}  // namespace caponier::io
