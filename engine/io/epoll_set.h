#pragma once
// The epoll descriptor of an EpollLoop and what it knows of every socket: which operations are in
// flight and what the kernel was told to watch for. It makes no call on the sockets themselves.
//
// Level-triggered: nothing is lost if an event is not acted upon, whatever the reason. The kernel
// is asked for more only when an operation has to wait, and for less only after it reported what
// nobody waits for, so that a busy socket is registered once and then left alone.

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <sys/epoll.h>

#include "engine/io/loop.h"

namespace caponier::io {

/// Where a submitted operation of this backend is (Completion::Scratch::stage).
enum class EpollStage : std::uint32_t {
    waits_for_event,
    waits_for_buffer,
};

[[nodiscard]] inline EpollStage stage_of(const Completion& operation) noexcept {
    return static_cast<EpollStage>(operation.scratch_.stage);
}

inline void set_stage(Completion& operation, EpollStage stage) noexcept {
    operation.scratch_.stage = static_cast<std::uint32_t>(stage);
}

/// One socket. At most one operation of each direction is in flight on it.
struct Descriptor {
    Completion* reading = nullptr;   ///< receive or accept
    Completion* writing = nullptr;   ///< send or connect
    Completion* watching = nullptr;  ///< watch_hangup
    /// What the kernel watches for, if `is_armed`.
    std::uint32_t interest = 0;
    /// The registration is certainly this socket's: an operation has been in flight ever since it
    /// was made. Without one the number may be another socket's by now, or another loop's.
    bool is_armed = false;
    /// Whether the number was in the epoll set when last heard of.
    bool was_registered = false;
    /// False after a receive that emptied the socket: the next one would come too early.
    bool may_be_readable = true;
    /// What broke the connection. The kernel tells it to one operation only; the others that are in
    /// flight at that time learn it here.
    int error = 0;

    [[nodiscard]] bool is_idle() const noexcept {
        return reading == nullptr && writing == nullptr && watching == nullptr;
    }
};

class EpollSet {
  public:
    [[nodiscard]] static IoResult<Socket> make_epoll() noexcept;

    explicit EpollSet(Socket epoll);

    /// Valid until the next call for another descriptor.
    [[nodiscard]] Descriptor& at(int fd);

    /// Makes the kernel report what the operations of `fd` wait for. Returns 0 or an errno.
    [[nodiscard]] int arm(int fd) noexcept;
    /// The kernel reported `events`: stops the reports that nobody waits for.
    void quieten(int fd, std::uint32_t events) noexcept;
    /// The number is, or is about to be, another socket's.
    void forget(int fd) { at(fd) = {}; }
    /// Readability of a descriptor that is no socket, for good. Returns 0 or an errno.
    [[nodiscard]] int watch_always(int fd) noexcept;

    /// Sleeps until an event or for `timeout`; for as long as it takes without one. Valid until the
    /// next call.
    [[nodiscard]] std::span<const epoll_event> wait(
        std::optional<std::chrono::nanoseconds> timeout) noexcept;

  private:
    static constexpr std::size_t events_per_turn = 256;

    [[nodiscard]] int control(int operation, int fd, std::uint32_t interest) noexcept;
    [[nodiscard]] int set_interest(int fd, Descriptor& descriptor, std::uint32_t interest) noexcept;
    void leave(int fd, Descriptor& descriptor) noexcept;

    Socket epoll_;
    std::vector<Descriptor> descriptors_;
    std::array<epoll_event, events_per_turn> events_{};
    bool has_pwait2_ = true;
};

}  // namespace caponier::io
