#pragma once
// The channels of a libssh2 session (RFC 4254 5). libssh2 opens one at a time, tells of no channel
// what happened to it, and would give window back whenever it is read from: this is where opens
// wait for their turn, where each channel is asked after every input, and where the window
// arithmetic is done instead of libssh2's. What cannot be sent now (a key exchange runs) is
// remembered as a flag or a sum and sent by flush().

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <libssh2.h>

#include "ssh/config.h"
#include "ssh/error.h"
#include "ssh/event.h"
#include "ssh/libssh2_transport.h"
#include "ssh/session.h"

namespace caponier::ssh {

class Libssh2Channels {
  public:
    /// `events` gets what happens to the channels; both references outlive this.
    Libssh2Channels(Libssh2Transport& transport,
                    const SessionConfig& config,
                    std::deque<Event>& events) noexcept;

    // ---- questions
    [[nodiscard]] std::optional<ChannelState> state(LocalChannelId id) const noexcept;
    [[nodiscard]] std::size_t in_use() const noexcept { return channels_.size() - free_.size(); }
    [[nodiscard]] std::optional<TimePoint> next_deadline() const noexcept;

    // ---- commands; flush() follows each
    [[nodiscard]] Result<LocalChannelId> open(const OpenTarget& target);
    [[nodiscard]] Result<std::size_t> send(LocalChannelId id, std::span<const std::byte> bytes);
    void grant(LocalChannelId id, std::uint32_t bytes) noexcept;
    void withhold(LocalChannelId id, std::uint32_t bytes) noexcept;
    void widen(LocalChannelId id, std::uint32_t bytes) noexcept;
    void eof(LocalChannelId id) noexcept;
    void close(LocalChannelId id) noexcept;

    // ---- inputs
    /// Takes all that the transport offers. Payload goes into the front of `room`, which is what
    /// was offered and is overwritten only where it was consumed, and into memory of its own where
    /// that is too small.
    [[nodiscard]] Result<void> take_input(std::span<std::byte> room, TimePoint now);
    [[nodiscard]] Result<void> expire(TimePoint now);
    /// Sends what waits: opens, window adjusts, EOF, CLOSE, data that a key exchange held up.
    [[nodiscard]] Result<void> flush();
    /// The outbox got shorter.
    void outbox_drained() noexcept;
    /// The application has seen the event: a number that was refused is free only now.
    void taken(const Event& event) noexcept;
    /// The session is over: forgets every channel.
    void forget_all() noexcept;
    /// The payload of earlier events is no longer looked at.
    void forget_payload() noexcept { payload_.clear(); }

  private:
    enum class Phase : std::uint8_t { unused, queued, opening, refused, open };

    struct Channel {
        Phase phase = Phase::unused;
        LIBSSH2_CHANNEL* handle = nullptr;  ///< from the confirmation on; libssh2's
        std::string type;
        std::vector<std::byte> open_message;
        std::uint32_t window_bytes = 0;   ///< what the peer may have in flight, granted or not
        std::uint32_t owed_bytes = 0;     ///< delivered and not granted
        std::uint32_t granted_bytes = 0;  ///< granted and not yet told to the peer
        std::uint32_t adjust_bytes = 0;   ///< in an adjust that libssh2 has begun
        bool adjust_due = false;
        bool eof_wanted = false;
        bool eof_sent = false;
        bool eof_received = false;
        bool close_wanted = false;
        bool closed_by_peer = false;
        bool window_used_up = false;
        bool is_pending = false;
        /// The rest of a write that libssh2 has begun: it wants the same bytes again.
        std::vector<std::byte> unfinished_write;
    };

    [[nodiscard]] Channel* find(LocalChannelId id) noexcept;
    [[nodiscard]] const Channel* find(LocalChannelId id) const noexcept;
    [[nodiscard]] bool is_usable(const Channel& channel) const noexcept;
    void mark_pending(LocalChannelId id, Channel& channel);
    void adjust_if_due(LocalChannelId id, Channel& channel);
    void release(LocalChannelId id) noexcept;
    void drop_events(LocalChannelId id) noexcept;

    // Opening: libssh2_channels_open.cpp
    [[nodiscard]] Result<void> open_next();
    [[nodiscard]] Result<void> continue_open();
    void begin_open_timeout() noexcept;
    void confirmed(LIBSSH2_CHANNEL* handle);
    void refused(OpenFailure reason, std::string_view text);

    [[nodiscard]] Result<void> pump();
    [[nodiscard]] LIBSSH2_CHANNEL* reader() const noexcept;
    [[nodiscard]] Result<void> scan(std::span<std::byte>& room);
    [[nodiscard]] Result<void> deliver(LocalChannelId id,
                                       Channel& channel,
                                       std::span<std::byte>& room);
    void look_for_end(LocalChannelId id, Channel& channel);
    [[nodiscard]] std::span<std::byte> claim(std::span<std::byte>& room, std::size_t bytes);

    [[nodiscard]] Result<void> flush(LocalChannelId id, Channel& channel);
    [[nodiscard]] Result<void> finish_write(Channel& channel);
    void tell_send_ready() noexcept;

    Libssh2Transport& transport_;
    std::deque<Event>& events_;
    std::uint32_t initial_window_bytes_;
    std::uint32_t packet_bytes_;
    std::size_t channels_max_;

    std::vector<std::unique_ptr<Channel>> channels_;
    std::vector<LocalChannelId> free_;
    std::vector<LocalChannelId> pending_;  ///< flush() has something to do for them
    std::deque<LocalChannelId> waiting_;   ///< opens, in order
    std::optional<LocalChannelId> opening_;
    /// The open in flight is one that only makes libssh2 read.
    bool probing_open_ = false;
    TimePoint now_{};
    TimePoint open_deadline_{};
    /// A channel that both sides closed, kept because reading from it makes libssh2 read.
    LIBSSH2_CHANNEL* spent_ = nullptr;
    std::size_t unfinished_writes_ = 0;
    bool session_blocked_ = false;
    std::vector<std::unique_ptr<std::byte[]>> payload_;
};

}  // namespace caponier::ssh
