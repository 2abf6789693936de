#pragma once
// RFC 4254 for either role: channels and global requests over a transport. Data goes straight
// through; everything else that is to be sent is kept as flags and sums until flush() finds room
// and no key exchange in the way. The application's side is connection_layer.cpp, the peer's side
// channel_messages.cpp.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ssh/connection/channel_table.h"
#include "ssh/connection/global_requests.h"
#include "ssh/connection/open_messages.h"
#include "ssh/event_queue.h"
#include "ssh/transport/transport.h"

namespace caponier::ssh {

class ConnectionLayer {
  public:
    /// All outlive it.
    ConnectionLayer(const SessionConfig& config, Transport& transport, EventQueue& events) noexcept
        : config_{config},
          transport_{transport},
          events_{events},
          channels_{config.channels},
          requests_{config, transport, events} {}

    /// A message from 80 to 100; the session is established.
    [[nodiscard]] Result<void> take(const Transport::Message& message);

    // Commands; the contract is session.h's.
    [[nodiscard]] Result<LocalChannelId> open(const OpenTarget& target);
    void accept_channel(LocalChannelId id);
    void refuse_channel(LocalChannelId id, OpenFailure reason, std::string_view text);
    [[nodiscard]] std::size_t send(LocalChannelId id,
                                   std::span<const std::byte> bytes,
                                   TimePoint now);
    void grant(LocalChannelId id, std::uint32_t bytes);
    void withhold(LocalChannelId id, std::uint32_t bytes);
    void widen(LocalChannelId id, std::uint32_t bytes);
    void eof(LocalChannelId id);
    void close(LocalChannelId id);

    [[nodiscard]] GlobalRequests& requests() noexcept { return requests_; }

    /// Sends what is pending, as far as the transport and the outbox allow, and tells the
    /// application when it may send again.
    void flush();

    [[nodiscard]] std::optional<ChannelState> channel(LocalChannelId id) const noexcept;
    /// Channels in use, in whatever phase.
    [[nodiscard]] std::size_t channels_in_use() const noexcept { return channels_.in_use(); }

  private:
    [[nodiscard]] Result<void> take_open(std::span<const std::byte> payload);
    [[nodiscard]] Result<void> take_open_confirmation(std::span<const std::byte> payload);
    [[nodiscard]] Result<void> take_open_failure(std::span<const std::byte> payload);
    [[nodiscard]] Result<void> take_window_adjust(std::span<const std::byte> payload);
    [[nodiscard]] Result<void> take_data(std::span<std::byte> payload);
    [[nodiscard]] Result<void> take_extended_data(std::span<const std::byte> payload);
    [[nodiscard]] Result<void> take_eof(std::span<const std::byte> payload);
    [[nodiscard]] Result<void> take_close(std::span<const std::byte> payload);
    [[nodiscard]] Result<void> take_channel_request(std::span<const std::byte> payload);
    [[nodiscard]] Result<void> take_channel_reply(std::span<const std::byte> payload);

    /// A refusal of a channel that the peer asked for.
    struct Refusal {
        std::uint32_t peer_number = 0;
        OpenFailure reason{};
        std::string text;
    };
    [[nodiscard]] Result<void> refuse(std::uint32_t peer_number,
                                      OpenFailure reason,
                                      std::string_view text);
    [[nodiscard]] Result<void> claim_requested(const ChannelOpenRequest& request,
                                               const OpenTarget& target,
                                               ForwardId forward);

    /// The channel of a message that only an open channel may get; null where it is late and to be
    /// ignored; else unknown_channel.
    [[nodiscard]] Result<Channel*> open_channel(LocalChannelId id) noexcept;
    void adjust_if_due(LocalChannelId id, Channel& channel);
    void list(LocalChannelId id, Channel& channel);
    void send_opens();
    void send_pending(LocalChannelId id, Channel& channel);
    void send_short(MessageNumber number, RemoteChannelId remote);
    void send_refusals();
    void release_if_over(LocalChannelId id, Channel& channel);

    const SessionConfig& config_;
    Transport& transport_;
    EventQueue& events_;
    ChannelTable channels_;
    GlobalRequests requests_;
    std::vector<LocalChannelId> listed_;  ///< with something pending, in order
    std::deque<LocalChannelId> opens_;    ///< waiting for their turn
    std::size_t opens_in_flight_ = 0;
    std::deque<Refusal> refusals_;
    bool held_back_ = false;  ///< some send() was cut short by the session
};

}  // namespace caponier::ssh
