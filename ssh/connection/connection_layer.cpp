// Channels from the application's side: commands, and flush() that sends what they left pending.
// What the peer says about channels is channel_messages.cpp's.

#include "ssh/connection/connection_layer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "ssh/connection/control_room.h"
#include "ssh/connection/protocol_errors.h"
#include "ssh/expects.h"
#include "ssh/limits.h"
#include "ssh/wire/wire_writer.h"

namespace caponier::ssh {

// ---- commands ----------------------------------------------------------------------------------

Result<LocalChannelId> ConnectionLayer::open(const OpenTarget& target) {
    // One name that is too long must not cost the session.
    if (std::max(target.host.size(), target.originator_host.size()) > address_bytes_max) {
        return failure(ErrorCode::message_too_large, 0);
    }
    const std::optional<LocalChannelId> id = channels_.claim();
    if (!id) {
        return failure(ErrorCode::too_many_channels, 0);
    }
    Channel& channel = *channels_.find(*id);
    const std::uint32_t window_bytes = target.window_bytes.value_or(config_.initial_window_bytes);
    channel.receive_window = ReceiveWindow{window_bytes};
    channel.open_request = make_channel_open(target,
                                             {.number = number_of(*id),
                                              .window_bytes = window_bytes,
                                              .packet_bytes_max = config_.packet_bytes});
    opens_.push_back(*id);
    flush();
    return *id;
}

void ConnectionLayer::accept_channel(LocalChannelId id) {
    Channel* channel = channels_.find(id);
    expects(channel != nullptr);
    expects(channel->phase == ChannelPhase::requested);
    channel->phase = ChannelPhase::open;
    channel->receive_window = ReceiveWindow{config_.initial_window_bytes};
    channel->pending.confirmation = true;
    list(id, *channel);
    flush();
}

void ConnectionLayer::refuse_channel(LocalChannelId id, OpenFailure reason, std::string_view text) {
    Channel* channel = channels_.find(id);
    expects(channel != nullptr);
    expects(channel->phase == ChannelPhase::requested);
    refusals_.push_back({static_cast<std::uint32_t>(channel->remote), reason, std::string{text}});
    channels_.release(id);
    flush();
}

std::size_t ConnectionLayer::send(LocalChannelId id,
                                  std::span<const std::byte> bytes,
                                  TimePoint now) {
    Channel* channel = channels_.find(id);
    if (channel == nullptr || channel->phase != ChannelPhase::open || channel->close_sent ||
        channel->close_received) {
        return bytes.size();  // The end of the channel is told by ChannelClosed.
    }
    expects(!channel->eof_sent);
    std::size_t taken = 0;
    while (taken < bytes.size() && channel->send_window.bytes() > 0) {
        if (!transport_.is_open_for_messages() || transport_.outbox().bytes() >= outbox_bytes_max) {
            held_back_ = true;
            break;
        }
        // RFC 4254 5.2: "The maximum amount of data allowed is determined by the maximum packet
        // size for the channel, and the current window size, whichever is smaller."
        const std::size_t piece = std::min({bytes.size() - taken,
                                            std::size_t{channel->send_window.bytes()},
                                            std::size_t{channel->packet_bytes_max}});
        std::array<std::byte, 9> head{};
        WireWriter out{std::span<std::byte>{head}};
        out.message(MessageNumber::channel_data);
        out.uint32(static_cast<std::uint32_t>(channel->remote));
        out.uint32(static_cast<std::uint32_t>(piece));
        transport_.send(head, bytes.subspan(taken, piece));
        channel->send_window.take(static_cast<std::uint32_t>(piece));
        taken += piece;
        transport_.rekey_if_due(now);
    }
    return taken;
}

void ConnectionLayer::grant(LocalChannelId id, std::uint32_t bytes) {
    Channel* channel = channels_.find(id);
    if (channel == nullptr) {
        return;
    }
    expects(bytes <= channel->receive_window.owed());
    channel->receive_window.grant(bytes);
    adjust_if_due(id, *channel);
}

void ConnectionLayer::withhold(LocalChannelId id, std::uint32_t bytes) {
    if (Channel* channel = channels_.find(id)) {
        expects(bytes <= channel->receive_window.owed());
        channel->receive_window.withhold(bytes);
        // What is enough for an adjust is less now.
        adjust_if_due(id, *channel);
    }
}

void ConnectionLayer::widen(LocalChannelId id, std::uint32_t bytes) {
    if (Channel* channel = channels_.find(id)) {
        channel->receive_window.widen(bytes);
        adjust_if_due(id, *channel);
    }
}

void ConnectionLayer::adjust_if_due(LocalChannelId id, Channel& channel) {
    if (channel.receive_window.adjust_is_due()) {
        list(id, channel);
        flush();
    }
}

void ConnectionLayer::eof(LocalChannelId id) {
    Channel* channel = channels_.find(id);
    if (channel == nullptr || channel->close_sent || channel->eof_sent) {
        return;
    }
    channel->eof_sent = true;
    channel->pending.eof = true;
    list(id, *channel);
    flush();
}

void ConnectionLayer::close(LocalChannelId id) {
    Channel* channel = channels_.find(id);
    if (channel == nullptr || channel->abandoned) {
        return;
    }
    expects(channel->phase != ChannelPhase::requested);
    channel->abandoned = true;
    if (channel->phase == ChannelPhase::open) {
        channel->close_sent = true;
        channel->pending.close = true;
        list(id, *channel);
        flush();
    }
    // A channel that is still opening is closed when the answer comes; one that waits for its turn
    // is dropped when it has it.
}

std::optional<ChannelState> ConnectionLayer::channel(LocalChannelId id) const noexcept {
    const Channel* channel = channels_.find(id);
    if (channel == nullptr) {
        return std::nullopt;
    }
    return ChannelState{.open = channel->phase == ChannelPhase::open && !channel->close_sent &&
                                !channel->close_received,
                        .eof_sent = channel->eof_sent,
                        .eof_received = channel->eof_received,
                        .send_window = channel->send_window.bytes(),
                        .receive_window = channel->receive_window.open(),
                        .receive_owed = channel->receive_window.owed()};
}

// ---- flush -------------------------------------------------------------------------------------

void ConnectionLayer::list(LocalChannelId id, Channel& channel) {
    if (!std::exchange(channel.listed, true)) {
        listed_.push_back(id);
    }
}

void ConnectionLayer::flush() {
    if (!has_control_room(transport_) || transport_.state() != ProtocolState::open) {
        return;
    }
    requests_.flush();
    send_refusals();
    std::size_t done = 0;
    for (; done < listed_.size() && has_control_room(transport_); ++done) {
        const LocalChannelId id = listed_[done];
        if (Channel* channel = channels_.find(id); channel != nullptr && channel->listed) {
            channel->listed = false;
            send_pending(id, *channel);
        }
    }
    listed_.erase(listed_.begin(), listed_.begin() + static_cast<std::ptrdiff_t>(done));
    send_opens();
    if (held_back_ && transport_.outbox().bytes() < outbox_bytes_max / 2) {
        held_back_ = false;
        events_.push(SendReady{});
    }
}

void ConnectionLayer::send_refusals() {
    for (; !refusals_.empty() && has_control_room(transport_); refusals_.pop_front()) {
        const Refusal& refusal = refusals_.front();
        // RFC 4254 5.1
        std::vector<std::byte> payload;
        WireWriter out{payload};
        out.message(MessageNumber::channel_open_failure);
        out.uint32(refusal.peer_number);
        out.uint32(static_cast<std::uint32_t>(refusal.reason));
        out.text(refusal.text);
        out.text({});
        transport_.send(payload);
    }
}

void ConnectionLayer::send_opens() {
    while (!opens_.empty() && has_control_room(transport_) &&
           opens_in_flight_ < config_.opens_in_flight) {
        const LocalChannelId id = opens_.front();
        opens_.pop_front();
        Channel& channel = *channels_.find(id);
        if (channel.abandoned) {
            channels_.release(id);
            continue;
        }
        transport_.send(channel.open_request);
        channel.open_request = {};
        channel.phase = ChannelPhase::opening;
        ++opens_in_flight_;
    }
}

void ConnectionLayer::send_pending(LocalChannelId id, Channel& channel) {
    if (channel.phase != ChannelPhase::open) {
        return;
    }
    PendingControl& pending = channel.pending;
    if (std::exchange(pending.confirmation, false)) {
        // RFC 4254 5.1
        std::array<std::byte, 17> payload{};
        WireWriter out{std::span<std::byte>{payload}};
        out.message(MessageNumber::channel_open_confirmation);
        out.uint32(static_cast<std::uint32_t>(channel.remote));
        out.uint32(number_of(id));
        out.uint32(config_.initial_window_bytes);
        out.uint32(config_.packet_bytes);
        transport_.send(out.written());
    }
    for (; pending.request_failures > 0; --pending.request_failures) {
        send_short(MessageNumber::channel_failure, channel.remote);
    }
    // No window for a side that will not send any more.
    const bool peer_may_send =
        !channel.eof_received && !channel.close_sent && !channel.close_received;
    if (peer_may_send && channel.receive_window.adjust_is_due()) {
        // RFC 4254 5.2
        std::array<std::byte, 9> payload{};
        WireWriter out{std::span<std::byte>{payload}};
        out.message(MessageNumber::channel_window_adjust);
        out.uint32(static_cast<std::uint32_t>(channel.remote));
        out.uint32(channel.receive_window.take_adjust());
        transport_.send(out.written());
    }
    if (std::exchange(pending.eof, false)) {
        send_short(MessageNumber::channel_eof, channel.remote);
    }
    if (std::exchange(pending.close, false)) {
        send_short(MessageNumber::channel_close, channel.remote);
    }
    release_if_over(id, channel);
}

void ConnectionLayer::send_short(MessageNumber number, RemoteChannelId remote) {
    std::array<std::byte, 5> payload{};
    WireWriter out{std::span<std::byte>{payload}};
    out.message(number);
    out.uint32(static_cast<std::uint32_t>(remote));
    transport_.send(out.written());
}

/// RFC 4254 5.3: "The channel is considered closed for a party when it has both sent and received
/// SSH_MSG_CHANNEL_CLOSE, and the party may then reuse the channel number."
void ConnectionLayer::release_if_over(LocalChannelId id, Channel& channel) {
    if (channel.close_received && channel.close_sent && !channel.pending.close) {
        channels_.release(id);
    }
}

}  // namespace caponier::ssh
