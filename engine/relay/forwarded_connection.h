#pragma once
// One forwarded connection: a local socket on one side, a stream of an upstream on the other. Bytes
// go up as fast as the stream takes them and down as fast as the local socket takes them; the
// window is the only buffer in between. It knows neither SSH nor the kernel.
//
//   local socket --receive--> lease --Upstream::send-->        (up)
//   StreamUser::data --> round --send_immediately--> local socket, the rest --> SendBacklog (down)

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "engine/io/loop.h"
#include "engine/relay/held_input.h"
#include "engine/relay/limits.h"
#include "engine/relay/observer.h"
#include "engine/relay/receive_round.h"
#include "engine/relay/send_backlog.h"
#include "engine/relay/session_slot.h"
#include "engine/relay/upstream.h"

namespace caponier::relay {

/// What a shard counts for its connections. Read from other threads, so relaxed atomics.
struct Counters;

class ForwardedConnection final : public StreamUser {
  public:
    /// Who made it, and is told when it can be destroyed (not from inside that call).
    class Owner {
      public:
        Owner() = default;
        Owner(const Owner&) = delete;
        Owner& operator=(const Owner&) = delete;
        virtual void connection_ended(ForwardedConnection& connection) noexcept = 0;
        /// The session has no room for it, or is gone, and nothing was read from the client:
        /// another session may serve it. connection_ended() follows at once.
        virtual void returned(ForwardedConnection& connection,
                              io::Socket&& socket,
                              const Refusal& refusal) noexcept = 0;

      protected:
        ~Owner() = default;
    };

    /// What every connection of a shard shares.
    struct Surroundings {
        io::Loop& loop;
        io::BufferPool& small_pool;  ///< for who sends little
        io::BufferPool& large_pool;
        Owner& owner;
        Observer& observer;
        Counters& counters;
    };

    ForwardedConnection(const Surroundings& surroundings,
                        io::Socket&& socket,
                        const Target& target) noexcept;
    ~ForwardedConnection();

    /// Opens the stream. Without an upstream the local client is reset at once.
    void start(Upstream* upstream) noexcept;
    /// Ends now, with a reset; what is buffered is dropped.
    void abort() noexcept;
    /// Without the session, a reader that pauses is not waited for longer than delivery_patience.
    void limit_delivery() noexcept;
    /// The server takes its time to answer: from now on it is noticed if the client leaves
    /// meanwhile. False: it has answered.
    [[nodiscard]] bool watch_while_opening() noexcept;

    void opened() noexcept override;
    void refused(const Refusal& refusal) noexcept override;
    void data(std::span<std::byte> bytes, ReceiveRound* round) noexcept override;
    void deliver() noexcept override;
    void eof() noexcept override;
    void closed(bool cut, MemoryShare share) noexcept override;
    void writable() noexcept override;

    [[nodiscard]] const Target& target() const noexcept { return target_; }
    /// Come from the stream, and not yet at the client's kernel.
    [[nodiscard]] std::size_t undelivered_bytes() const noexcept;

    // The owner's: its place in the table, the session that it was meant for, whether it was
    // refused before.
    std::size_t index = 0;
    SessionSlot slot{};
    bool was_moved = false;

  private:
    /// Only move_to() changes it.
    enum class Phase : std::uint8_t {
        opening,     ///< the stream was asked for
        open,        ///< bytes flow
        returning,   ///< refused for what another session may have
        delivering,  ///< the stream is gone; the local socket still takes what came
        flushing,    ///< the kernel took it all; a reset waits until the client has it, too
        closing,     ///< the socket is on its way back to the kernel
        closed,
    };
    enum class Ending : std::uint8_t { clean, reset };

    void move_to(Phase next) noexcept;
    [[nodiscard]] bool has_stream() const noexcept;

    void give_back(const Refusal& refusal) noexcept;
    void watch_hangup() noexcept;
    void receive_more() noexcept;
    void keep(ReceiveRound::Link link) noexcept;
    void keep_what_was_left(std::size_t taken) noexcept;
    void go_on_down() noexcept;
    void tell_ended(bool cut) noexcept;
    void finish_if_both_ended() noexcept;
    void local_failed() noexcept;
    void keep_share_of_what_is_left() noexcept;
    void end_delivery() noexcept;
    void watch_delivery() noexcept;
    void check_delivery() noexcept;
    void close_socket(Ending ending) noexcept;
    void give_socket_back() noexcept;

    void on_received(io::Outcome& outcome) noexcept;
    void on_sent(io::Outcome& outcome) noexcept;
    void on_shut_down(io::Outcome& outcome) noexcept;
    void on_hangup(io::Outcome& outcome) noexcept;
    void on_end(io::Outcome& outcome) noexcept;

    Surroundings around_;
    io::Socket socket_;
    const Target& target_;
    std::unique_ptr<const io::Address> client_;  ///< where the observer follows tunnels
    Upstream* upstream_ = nullptr;
    StreamId stream_{};
    Phase phase_ = Phase::opening;
    Ending ending_ = Ending::clean;

    // While returning.
    std::string refusal_reason_;
    Shortage shortage_ = Shortage::none;

    // Up.
    bool local_ended_ = false;  ///< the client's FIN was read and EOF asked for
    bool sends_much_ = false;   ///< its last bytes filled a small buffer
    HeldInput input_;

    // Down.
    ReceiveRound* round_ = nullptr;  ///< of the pieces not yet sent, or of the send in flight
    ReceiveRound::Link first_{};
    ReceiveRound::Link last_{};
    std::span<const io::Piece> in_flight_;  ///< pieces of the immediate send
    SendBacklog backlog_;
    bool remote_ended_ = false;  ///< the stream's EOF came
    bool shut_down_ = false;     ///< and was passed on

    // Delivery after the stream's end.
    MemoryShare share_;  ///< what was promised for the stream, down to what is left of it
    std::size_t undelivered_ = SIZE_MAX;  ///< at the last look
    bool delivery_is_limited_ = false;
    io::TimePoint delivery_deadline_{};
    std::chrono::milliseconds delivery_pause_ = delivery_poll_first;

    io::Completion receive_;
    io::Completion send_;
    io::Completion shutdown_;
    io::Completion hangup_;  ///< while nothing is received; a receive would notice by itself
    io::Completion end_;     ///< the looks at a delivery's progress, then the close
};

}  // namespace caponier::relay
