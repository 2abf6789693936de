#pragma once
// The streams of an SSH session: which channel belongs to which forwarded connection, who waits for
// room and in which order they are served, and how much window each has. Streams are channels under
// another name; the session does the protocol, the session worker feeds it. How much is deserved is
// window_policy.h's, how much is left memory_budget.h's.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "engine/relay/memory_budget.h"
#include "engine/relay/upstream.h"
#include "engine/relay/window_policy.h"
#include "ssh/session.h"

namespace caponier::relay {

class ChannelStreams final : public Upstream {
  public:
    /// The session worker.
    class Owner {
      public:
        Owner() = default;
        Owner(const Owner&) = delete;
        Owner& operator=(const Owner&) = delete;
        /// The session was given a command: take its events and flush its outbox this turn.
        virtual void session_changed() noexcept = 0;
        [[nodiscard]] virtual ssh::TimePoint now() const noexcept = 0;

      protected:
        ~Owner() = default;
    };

    /// `budget` outlives it; without one only the bounds hold.
    explicit ChannelStreams(Owner& owner,
                            const WindowBounds& bounds = {},
                            MemoryBudget* budget = nullptr) noexcept
        : owner_(owner), bounds_(bounds), budget_(budget) {}

    /// From now on the session carries streams; it outlives the last of them.
    void carry_over(ssh::Session& session) noexcept { session_ = &session; }
    /// Whether this server's CLOSE without EOF is an end like any other.
    void take_close_for_eof(bool yes) noexcept { close_stands_for_eof_ = yes; }
    /// The session ended: every stream is closed as cut.
    void session_ended() noexcept;
    [[nodiscard]] std::size_t open_count() const noexcept { return open_count_; }
    /// The server gives window back early, as OpenSSH's does for every 96 KiB, so that a stream
    /// need not use its window up to get more. With a server that waits for half a window or less,
    /// a stream that keeps back what it may send would wait forever.
    void window_returns_early() noexcept { may_hold_ahead_ = true; }
    /// How long the server takes to answer when it has nothing else to do.
    void set_round_trip(std::chrono::nanoseconds round_trip) noexcept {
        down_.set_round_trip(round_trip);
        up_.set_round_trip(round_trip);
    }

    Opened open(const Target& target,
                const Originator& originator,
                StreamUser& user) noexcept override;
    std::uint32_t allowance(StreamId id, std::uint32_t wanted_bytes) noexcept override;
    std::size_t send(StreamId id, std::span<const std::byte> bytes) noexcept override;
    void grant(StreamId id, std::size_t bytes) noexcept override;
    void eof(StreamId id) noexcept override;
    void close(StreamId id) noexcept override;

    // The session's events that concern channels. `round` is what ChannelData points into, if so.
    void take(const ssh::ChannelOpened& event) noexcept;
    void take(const ssh::ChannelRefused& event) noexcept;
    void take(const ssh::ChannelData& event, ReceiveRound* round) noexcept;
    void take(const ssh::ChannelEof& event) noexcept;
    void take(const ssh::ChannelClosed& event) noexcept;
    void take(const ssh::WindowOpened& event) noexcept;
    /// Something that held back every stream is over.
    void wake_blocked() noexcept;
    /// The server may have given window back: whoever is far enough ahead no more goes on.
    void wake_ahead() noexcept;

  private:
    /// What a stream waits for before it is told writable().
    enum class Wait : std::uint8_t {
        nothing,
        window,   ///< its own is used up; WindowOpened tells
        session,  ///< outbox full or key exchange: in blocked_
        ahead,    ///< others come first until the server has taken more: in ahead_
    };

    struct Stream {
        StreamUser* user = nullptr;
        Wait wait = Wait::nothing;
        bool in_blocked = false;  ///< its number is in that list, for whatever it waits now
        bool in_ahead = false;
        std::uint32_t window_bytes = 0;  ///< what the server may have under way, given back or not
        std::uint32_t send_window_max = 0;  ///< the most that the server ever let us send
        std::uint32_t reading_bytes = 0;    ///< beyond a small buffer: count_as_read()
        WindowPolicy::Flow down;
        WindowPolicy::Flow up;
    };

    [[nodiscard]] Stream& stream(StreamId id) noexcept {
        return streams_[static_cast<std::uint32_t>(id)];
    }
    [[nodiscard]] StreamUser* user_of(ssh::LocalChannelId id) const noexcept;
    /// Whom a stream belonged to, null if nobody; and what was promised for it.
    struct Gone {
        StreamUser* user = nullptr;
        MemoryShare share;
    };
    Gone release(ssh::LocalChannelId id) noexcept;
    Gone let_go(Stream& stream) noexcept;
    void wait_for(StreamId id, Wait what) noexcept;
    void wake(std::vector<StreamId>& list, bool Stream::*listed, Wait what) noexcept;
    void wake(StreamId id) noexcept;
    [[nodiscard]] std::uint32_t bytes_ahead(Stream& stream,
                                            const ssh::ChannelState& state) noexcept;
    [[nodiscard]] std::uint32_t ahead_max() const noexcept;
    [[nodiscard]] std::uint32_t may_read(StreamId id, std::uint32_t wanted_bytes) noexcept;
    void count_as_read(Stream& stream, std::size_t bytes) noexcept;
    [[nodiscard]] bool is_closed_to_all(StreamId id) const noexcept;
    [[nodiscard]] std::uint32_t deserved_window() const noexcept;
    [[nodiscard]] std::uint64_t least_of(const WindowPolicy& policy,
                                         std::uint64_t beside_others) const noexcept;
    [[nodiscard]] bool take_more(std::uint32_t bytes) noexcept;
    [[nodiscard]] std::optional<std::uint32_t> take_initial() noexcept;
    void give_back(std::uint32_t bytes) noexcept;
    std::uint32_t shrink(Stream& stream, std::uint32_t granted, ssh::LocalChannelId id) noexcept;
    void grow(Stream& stream, ssh::LocalChannelId id) noexcept;

    Owner& owner_;
    const WindowBounds bounds_;
    MemoryBudget* const budget_;
    ssh::Session* session_ = nullptr;
    WindowPolicy down_;
    WindowPolicy up_;
    std::vector<Stream> streams_;    ///< by channel number
    std::vector<StreamId> blocked_;  ///< in the order in which they were held back
    std::vector<StreamId> ahead_;    ///< likewise
    std::vector<StreamId> waking_;   ///< one of these lists while it is served
    std::size_t open_count_ = 0;
    std::uint32_t reading_bytes_ = 0;  ///< of all streams
    bool takes_nothing_ = false;       ///< the session exchanges keys, until wake_blocked()
    bool may_hold_ahead_ = false;
    bool close_stands_for_eof_ = false;
};

}  // namespace caponier::relay
