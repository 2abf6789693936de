#pragma once
// One operation in flight and what becomes of it. The submitter owns the Completion: it is a member
// of whatever waits for the operation, is neither copied nor moved, and outlives the operation.

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

#include <sys/socket.h>
#include <sys/uio.h>

#include "engine/io/buffer_pool.h"
#include "engine/io/socket.h"

namespace caponier::io {

/// What an operation came to. Lives for the length of the callback; what it owns may be moved out.
struct Outcome {
    /// 0 or a positive errno; ECANCELED after cancel(), close() or reset().
    int error = 0;
    /// Received or sent. A receive of 0 bytes without an error is the end of the stream.
    std::size_t bytes = 0;
    /// accept only: the operation goes on and will call back again.
    bool more = false;
    Lease buffer;   ///< receive only: holds the bytes
    Socket socket;  ///< accept and connect only
};

class Completion {
  public:
    Completion() noexcept = default;
    Completion(const Completion&) = delete;
    Completion& operator=(const Completion&) = delete;
    ~Completion();  ///< expects !in_flight()

    /// Says whom to call: `completion.bind<&Thing::on_received>(*this)`, where on_received takes
    /// `Outcome&` and is noexcept. Once, before the first use.
    template <auto Method, typename Object>
    void bind(Object& object) noexcept {
        context_ = &object;
        callback_ = [](void* context, Outcome& outcome) noexcept {
            (static_cast<Object*>(context)->*Method)(outcome);
        };
    }

    /// From the submission until the (last) callback begins: inside it the completion is free to be
    /// submitted again.
    [[nodiscard]] bool in_flight() const noexcept { return state_ != State::idle; }

    // ---- for the backends ---------------------------------------------------------------------

    enum class Kind : std::uint8_t {
        none,
        accept,
        connect,
        receive,
        send,
        send_immediately,
        shutdown,
        close,
        reset,
        watch_hangup,
        timer,
        post,
    };
    enum class State : std::uint8_t { idle, submitted, canceling, ready };

    void call(Outcome& outcome) noexcept { callback_(context_, outcome); }

    /// Scratch space of the loop that the operation was submitted to; nobody else touches it.
    struct Scratch {
        Completion* next = nullptr;  ///< of whatever list the loop has it on
        Completion* previous = nullptr;
        int fd = -1;
        int result = 0;                 ///< bytes or -errno, until the callback runs
        std::uint32_t limit_bytes = 0;  ///< receive: at most this much
        std::uint32_t stage = 0;        ///< where in its backend the operation is
        BufferPool* pool = nullptr;
        msghdr message{};                             ///< send
        std::chrono::steady_clock::time_point due{};  ///< timer
        std::size_t heap_index = 0;                   ///< timer
        std::uint64_t extra = 0;                      ///< anything else a backend needs
    };
    Kind kind_ = Kind::none;
    State state_ = State::idle;
    Scratch scratch_{};

  private:
    void (*callback_)(void*, Outcome&) noexcept = nullptr;
    void* context_ = nullptr;
};

/// One piece of a send, in the kernel's own shape.
using Piece = ::iovec;

[[nodiscard]] inline std::span<const std::byte> bytes_of(const Piece& piece) noexcept {
    return {static_cast<const std::byte*>(piece.iov_base), piece.iov_len};
}

[[nodiscard]] inline Piece piece_of(std::span<const std::byte> bytes) noexcept {
    return Piece{const_cast<std::byte*>(bytes.data()), bytes.size()};
}

// Ten thousand connections own several completions each.
static_assert(sizeof(Completion) <= 160);

}  // namespace caponier::io
