#pragma once
// The contract of the event loop: operations in, completions out. uring_loop.cpp and epoll_loop.cpp
// implement it over the kernel, tests/sim/sim_loop.h over nothing. Nobody above this folder knows
// which one runs. tests/loop holds one suite that all of them pass.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include <tl/expected.hpp>

#include "engine/io/address.h"
#include "engine/io/buffer_pool.h"
#include "engine/io/completion.h"
#include "engine/io/socket.h"

namespace caponier::io {

using TimePoint = std::chrono::steady_clock::time_point;

/// A failed call that could answer at once: a positive errno.
struct IoError {
    int number = 0;
};

template <typename T>
using IoResult = tl::expected<T, IoError>;

/// "Address already in use" and the like; static or thread-local storage.
[[nodiscard]] std::string_view describe(IoError error) noexcept;

struct ListenOptions {
    int backlog = 4096;
    bool ipv6_only = true;  ///< one socket per family, as OpenSSH does
};

/// Submitting never calls back: every callback runs inside run_once(), on the loop's thread, one
/// after the other, never nested. Operations complete in the order in which the kernel finishes
/// them; those of one kind on one socket in the order of their submission.
///
/// All methods but post() belong to one thread: the one that made the loop.
class Loop {
  public:
    Loop() = default;
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;
    /// expects that nothing is in flight and that all pools are gone.
    virtual ~Loop() = default;

    /// "io_uring" or "epoll".
    [[nodiscard]] virtual std::string_view name() const noexcept = 0;
    /// The time at which the current turn began; monotonic.
    [[nodiscard]] virtual TimePoint now() const noexcept = 0;

    /// Submits what was asked for, waits until something completes (not at all if `wait` is false),
    /// and runs callbacks. Returns how many ran.
    virtual std::size_t run_once(bool wait = true) noexcept = 0;

    // ---- what answers at once -----------------------------------------------------------------

    [[nodiscard]] virtual IoResult<std::unique_ptr<BufferPool>> make_pool(
        const BufferPool::Shape& shape) = 0;
    /// Binds and listens (SO_REUSEADDR set; a unix path is not unlinked). A TCP connection that is
    /// accepted from it ends with a reset, unless close() or shutdown() says otherwise: so it does
    /// when this process dies.
    [[nodiscard]] virtual IoResult<Socket> listen(const Address& address,
                                                  const ListenOptions& options = {}) = 0;
    [[nodiscard]] virtual Address local_address(const Socket& socket) const noexcept = 0;
    [[nodiscard]] virtual Address peer_address(const Socket& socket) const noexcept = 0;
    /// Bytes that the peer's kernel has not acknowledged yet (SIOCOUTQ); 0 if it cannot be told.
    [[nodiscard]] virtual std::size_t undelivered_bytes(const Socket& socket) const noexcept = 0;
    /// TCP_NODELAY; nothing on a unix socket. Accepted and connected sockets have it set already.
    virtual void set_no_delay(const Socket& socket) noexcept = 0;
    /// TCP_NOTSENT_LOWAT: how much unsent data the kernel takes before a send waits.
    virtual void set_unsent_low_water(const Socket& socket, std::uint32_t bytes) noexcept = 0;
    /// TCP_QUICKACK: acknowledges what was received now, where the kernel would wait up to 40 ms
    /// for something to send along. It holds for what is there; what comes next wants a new call.
    virtual void acknowledge_now(const Socket& socket) noexcept = 0;

    /// What this thread has used of its core so far.
    [[nodiscard]] virtual std::chrono::nanoseconds thread_cpu_time() const noexcept;

    // ---- operations ---------------------------------------------------------------------------
    // `done` must be idle and bound. A socket may have at most one receive, one send, one accept
    // and one watch_hangup in flight.

    /// Multishot: calls back for every connection with Outcome::socket set and `more` true, until
    /// it is canceled or fails (EMFILE, ENFILE, ENOBUFS, ...), which is reported with `more` false:
    /// the caller decides when to try again. Errors of a single connection (ECONNABORTED) are
    /// skipped.
    virtual void accept(const Socket& listener, Completion& done) noexcept = 0;
    /// Outcome::socket is the connected socket.
    virtual void connect(const Address& address, Completion& done) noexcept = 0;
    /// Waits for bytes, then brings at most `limit_bytes` of them (> 0, cut to the pool's buffer
    /// size) in a buffer of the pool. While the pool is empty the receive waits.
    virtual void receive(const Socket& socket,
                         BufferPool& pool,
                         std::uint32_t limit_bytes,
                         Completion& done) noexcept = 0;
    /// Sends the pieces, in order, and completes when the kernel took some (Outcome::bytes > 0,
    /// maybe fewer than all) or failed. `pieces` and what they point to stay untouched until then.
    virtual void send(const Socket& socket,
                      std::span<const Piece> pieces,
                      Completion& done) noexcept = 0;
    /// The same, but never waits for room: completes in the next turn at the latest, with EAGAIN if
    /// the kernel took nothing.
    virtual void send_immediately(const Socket& socket,
                                  std::span<const Piece> pieces,
                                  Completion& done) noexcept = 0;
    /// Ends our direction (SHUT_WR), behind everything that was sent; no send is in flight.
    virtual void shutdown(const Socket& socket, Completion& done) noexcept = 0;
    /// Completes when the connection was reset or both directions have ended; a FIN alone does not
    /// end the watch. Outcome::error is the socket's error, 0 for an orderly end. The kernel tells
    /// an error once: after it, a later receive may look like the end of the stream.
    virtual void watch_hangup(const Socket& socket, Completion& done) noexcept = 0;
    /// Cancels what is in flight on the socket, waits for those callbacks, closes, and calls back.
    /// An orderly end: the kernel goes on delivering what was sent. The Socket is empty at once.
    virtual void close(Socket&& socket, Completion& done) noexcept = 0;
    /// The same with linger 0: a TCP peer sees a reset.
    virtual void reset(Socket&& socket, Completion& done) noexcept = 0;

    /// Calls back once `due` has passed; at once for the past.
    virtual void wait_until(TimePoint due, Completion& done) noexcept = 0;
    /// Ends an operation early: its callback runs with ECANCELED, or with what it came to if that
    /// was quicker. Nothing happens if it is not in flight. close, reset, shutdown and post cannot
    /// be canceled.
    virtual void cancel(Completion& done) noexcept = 0;

    /// From any thread: calls `done` back on the loop's thread. Wakes the loop.
    virtual void post(Completion& done) noexcept = 0;
};

}  // namespace caponier::io
