// Channels from the peer's side: every message is checked against the state of the channel that it
// names before it has any effect.

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "ssh/connection/connection_layer.h"
#include "ssh/connection/protocol_errors.h"
#include "ssh/limits.h"
#include "ssh/wire/wire_reader.h"

namespace caponier::ssh {

Result<void> ConnectionLayer::take(const Transport::Message& message) {
    switch (message.number) {
    case MessageNumber::global_request:
        return requests_.take_request(message.payload);
    case MessageNumber::request_success:
    case MessageNumber::request_failure:
        return requests_.take_reply(message.payload);
    case MessageNumber::channel_open:
        return take_open(message.payload);
    case MessageNumber::channel_open_confirmation:
        return take_open_confirmation(message.payload);
    case MessageNumber::channel_open_failure:
        return take_open_failure(message.payload);
    case MessageNumber::channel_window_adjust:
        return take_window_adjust(message.payload);
    case MessageNumber::channel_data:
        return take_data(message.payload);
    case MessageNumber::channel_extended_data:
        return take_extended_data(message.payload);
    case MessageNumber::channel_eof:
        return take_eof(message.payload);
    case MessageNumber::channel_close:
        return take_close(message.payload);
    case MessageNumber::channel_request:
        return take_channel_request(message.payload);
    case MessageNumber::channel_success:
    case MessageNumber::channel_failure:
        return take_channel_reply(message.payload);
    default:
        return failure(ErrorCode::unexpected_message, message.number);
    }
}

Result<void> ConnectionLayer::refuse(std::uint32_t peer_number,
                                     OpenFailure reason,
                                     std::string_view text) {
    if (refusals_.size() == replies_held_back_max) {
        return failure(ErrorCode::protocol_error, MessageNumber::channel_open);
    }
    refusals_.push_back({peer_number, reason, std::string{text}});
    flush();
    return {};
}

Result<void> ConnectionLayer::take_open(std::span<const std::byte> payload) {
    const Result<ChannelOpenRequest> request = parse_channel_open(payload);
    if (!request) {
        return tl::unexpected{request.error()};
    }
    const std::uint32_t peer_number = request->offer.number;
    const std::optional<ChannelKind> kind = kind_of(request->type);
    if (!kind) {
        // RFC 4254 6.1: "Client implementations SHOULD reject any session channel open requests";
        // 6.3.2 says the same of X11.
        constexpr std::array known{std::string_view{"session"},
                                   std::string_view{"x11"},
                                   std::string_view{"auth-agent@openssh.com"}};
        return std::ranges::find(known, request->type) == known.end()
                   ? refuse(peer_number, OpenFailure::unknown_channel_type, "unknown channel type")
                   : refuse(peer_number, OpenFailure::administratively_prohibited, "not served");
    }
    const bool forwarded =
        *kind == ChannelKind::forwarded_tcpip || *kind == ChannelKind::forwarded_streamlocal;
    // RFC 4254 7.2: "Client implementations SHOULD reject direct TCP/IP open requests for security
    // reasons." A server is asked for nothing else.
    if (forwarded != (config_.role == Role::client)) {
        return refuse(peer_number, OpenFailure::administratively_prohibited, "not served");
    }
    const Result<OpenTarget> target = parse_open_fields(*kind, request->fields);
    if (!target) {
        return tl::unexpected{target.error()};
    }
    if (std::max(target->host.size(), target->originator_host.size()) > address_bytes_max) {
        return refuse(peer_number, OpenFailure::administratively_prohibited, "too long an address");
    }
    if (*kind == ChannelKind::direct_tcpip && target->port == 0) {
        return refuse(peer_number, OpenFailure::connect_failed, "nobody listens on port 0");
    }
    std::optional<ForwardId> forward;
    if (forwarded) {
        forward = requests_.forward_at(*kind == ChannelKind::forwarded_tcpip
                                           ? ForwardAddress::Kind::tcpip
                                           : ForwardAddress::Kind::streamlocal,
                                       target->host,
                                       target->port);
        // RFC 4254 7.2: "Implementations MUST reject these messages unless they have previously
        // requested a remote TCP/IP port forwarding with the given port number."
        if (!forward) {
            return refuse(peer_number, OpenFailure::administratively_prohibited, "no such forward");
        }
    }
    return claim_requested(*request, *target, forward.value_or(ForwardId{}));
}

/// Takes a channel for what the peer asks, and asks the application.
Result<void> ConnectionLayer::claim_requested(const ChannelOpenRequest& request,
                                              const OpenTarget& target,
                                              ForwardId forward) {
    // What the application refuses waits here, too.
    if (refusals_.size() >= replies_held_back_max) {
        return failure(ErrorCode::protocol_error, MessageNumber::channel_open);
    }
    const std::optional<LocalChannelId> id =
        request.offer.packet_bytes_max > 0 ? channels_.claim() : std::nullopt;
    if (!id) {
        return refuse(request.offer.number, OpenFailure::resource_shortage, "no channel is free");
    }
    Channel& channel = *channels_.find(*id);
    channel.phase = ChannelPhase::requested;
    channel.remote = RemoteChannelId{request.offer.number};
    channel.send_window = SendWindow{request.offer.window_bytes};
    channel.packet_bytes_max = std::min(request.offer.packet_bytes_max, maximum_packet_bytes);
    events_.push(ChannelRequested{.id = *id,
                                  .kind = target.kind,
                                  .host = target.host,
                                  .port = target.port,
                                  .originator_host = target.originator_host,
                                  .originator_port = target.originator_port,
                                  .forward = forward});
    return {};
}

Result<void> ConnectionLayer::take_open_confirmation(std::span<const std::byte> payload) {
    const Result<ChannelOpenConfirmation> message = parse_channel_open_confirmation(payload);
    if (!message) {
        return tl::unexpected{message.error()};
    }
    Channel* channel = channels_.find(message->ours);
    if (channel == nullptr || channel->phase != ChannelPhase::opening) {
        return failure(ErrorCode::unknown_channel, number_of(message->ours));
    }
    --opens_in_flight_;
    channel->phase = ChannelPhase::open;
    channel->remote = RemoteChannelId{message->theirs.number};
    channel->send_window = SendWindow{message->theirs.window_bytes};
    channel->packet_bytes_max = std::min(message->theirs.packet_bytes_max, maximum_packet_bytes);
    // With a maximum packet of 0 not a byte could ever be sent.
    const bool unusable = channel->packet_bytes_max == 0;
    if (!channel->abandoned && !unusable) {
        events_.push(ChannelOpened{message->ours});
        list(message->ours, *channel);  // widen() and eof() may have come before.
        return {};
    }
    if (!std::exchange(channel->abandoned, true)) {
        events_.push(ChannelRefused{
            message->ours, OpenFailure::connect_failed, "the peer's maximum packet size is 0"});
    }
    channel->close_sent = true;
    channel->pending.close = true;
    list(message->ours, *channel);
    return {};
}

Result<void> ConnectionLayer::take_open_failure(std::span<const std::byte> payload) {
    const Result<ChannelOpenFailure> message = parse_channel_open_failure(payload);
    if (!message) {
        return tl::unexpected{message.error()};
    }
    const Channel* channel = channels_.find(message->ours);
    if (channel == nullptr || channel->phase != ChannelPhase::opening) {
        return failure(ErrorCode::unknown_channel, number_of(message->ours));
    }
    --opens_in_flight_;
    if (!channel->abandoned) {
        events_.push(ChannelRefused{message->ours, message->reason, message->text});
    }
    channels_.release(message->ours);
    return {};
}

/// Null: the message is late and means nothing. It names a channel that the peer has closed or
/// refused, whose number may be free by now, or ask for the next channel already. dev-tunnels-ssh
/// closes what it has just refused to open; others say EOF or CLOSE twice, or send data that was
/// queued behind their CLOSE. That must not cost the session its other channels, and is dropped as
/// by OpenSSH's client as long as the number is in use there. A number that no channel ever had is
/// an error.
Result<Channel*> ConnectionLayer::open_channel(LocalChannelId id) noexcept {
    Channel* channel = channels_.find(id);
    const bool is_open = channel != nullptr && channel->phase == ChannelPhase::open &&
                         !channel->pending.confirmation;
    if (is_open) {
        return channel->close_received ? nullptr : channel;
    }
    if (channels_.was_released(id)) {
        return nullptr;
    }
    return failure(ErrorCode::unknown_channel, number_of(id));
}

Result<void> ConnectionLayer::take_window_adjust(std::span<const std::byte> payload) {
    // RFC 4254 5.2
    WireReader in{payload};
    in.byte();
    const LocalChannelId id{in.uint32()};
    const std::uint32_t bytes = in.uint32();
    if (!in.complete()) {
        return malformed(MessageNumber::channel_window_adjust);
    }
    // An adjust may cross our CLOSE on the way: for a channel that is gone it means nothing,
    // whether or not another has its number already.
    Channel* channel = channels_.find(id);
    if (channel == nullptr || channel->phase != ChannelPhase::open || channel->close_received ||
        channel->pending.confirmation) {
        return {};
    }
    const bool was_used_up = channel->send_window.bytes() == 0;
    if (const Result<void> adjusted = channel->send_window.adjust(bytes); !adjusted) {
        return tl::unexpected{adjusted.error()};
    }
    if (was_used_up && bytes > 0 && !channel->abandoned) {
        events_.push(WindowOpened{id});
    }
    return {};
}

Result<void> ConnectionLayer::take_data(std::span<std::byte> payload) {
    // RFC 4254 5.2: byte, uint32 recipient channel, string data
    WireReader in{payload};
    in.byte();
    const LocalChannelId id{in.uint32()};
    const std::span<const std::byte> data = in.string();
    if (!in.complete()) {
        return malformed(MessageNumber::channel_data);
    }
    const Result<Channel*> found = open_channel(id);
    if (!found) {
        return tl::unexpected{found.error()};
    }
    if (*found == nullptr) {
        return {};
    }
    Channel& channel = **found;
    const auto bytes = static_cast<std::uint32_t>(data.size());
    if (bytes > config_.packet_bytes) {
        return failure(ErrorCode::maximum_packet_exceeded, bytes);
    }
    // RFC 4254 5.3: "When a party will no longer send more data to a channel, it SHOULD send
    // SSH_MSG_CHANNEL_EOF." What comes behind it breaks that word.
    if (channel.eof_received) {
        return failure(ErrorCode::protocol_error, MessageNumber::channel_data);
    }
    if (const Result<void> received = channel.receive_window.receive(bytes); !received) {
        return tl::unexpected{received.error()};
    }
    if (channel.abandoned || bytes == 0) {
        return {};
    }
    events_.push(ChannelData{id, payload.last(data.size())});
    return {};
}

Result<void> ConnectionLayer::take_extended_data(std::span<const std::byte> payload) {
    // RFC 4254 5.2. Forwarded connections have no stderr: the bytes are dropped, and their window
    // is given back so that the peer does not stall.
    WireReader in{payload};
    in.byte();
    const LocalChannelId id{in.uint32()};
    in.uint32();
    const auto bytes = static_cast<std::uint32_t>(in.string().size());
    if (!in.complete()) {
        return malformed(MessageNumber::channel_extended_data);
    }
    const Result<Channel*> found = open_channel(id);
    if (!found) {
        return tl::unexpected{found.error()};
    }
    if (*found == nullptr) {
        return {};
    }
    Channel& channel = **found;
    if (bytes > config_.packet_bytes) {
        return failure(ErrorCode::maximum_packet_exceeded, bytes);
    }
    if (channel.eof_received) {
        return failure(ErrorCode::protocol_error, MessageNumber::channel_extended_data);
    }
    if (const Result<void> received = channel.receive_window.receive(bytes); !received) {
        return tl::unexpected{received.error()};
    }
    channel.receive_window.grant(bytes);
    adjust_if_due(id, channel);
    return {};
}

Result<void> ConnectionLayer::take_eof(std::span<const std::byte> payload) {
    WireReader in{payload};
    in.byte();
    const LocalChannelId id{in.uint32()};
    if (!in.complete()) {
        return malformed(MessageNumber::channel_eof);
    }
    const Result<Channel*> found = open_channel(id);
    if (!found) {
        return tl::unexpected{found.error()};
    }
    if (*found == nullptr) {
        return {};
    }
    Channel& channel = **found;
    const bool again = std::exchange(channel.eof_received, true);
    if (!again && !channel.abandoned) {
        events_.push(ChannelEof{id});
    }
    return {};
}

Result<void> ConnectionLayer::take_close(std::span<const std::byte> payload) {
    WireReader in{payload};
    in.byte();
    const LocalChannelId id{in.uint32()};
    if (!in.complete()) {
        return malformed(MessageNumber::channel_close);
    }
    const Result<Channel*> found = open_channel(id);
    if (!found) {
        return tl::unexpected{found.error()};
    }
    if (*found == nullptr) {
        return {};
    }
    Channel& channel = **found;
    channel.close_received = true;
    if (!channel.abandoned) {
        events_.push(ChannelClosed{id, !channel.eof_received});
    }
    release_if_over(id, channel);
    return {};
}

Result<void> ConnectionLayer::take_channel_request(std::span<const std::byte> payload) {
    // RFC 4254 5.4
    WireReader in{payload};
    in.byte();
    const LocalChannelId id{in.uint32()};
    in.text();
    const bool want_reply = in.boolean();
    if (!in.ok()) {
        return malformed(MessageNumber::channel_request);
    }
    const Result<Channel*> found = open_channel(id);
    if (!found) {
        return tl::unexpected{found.error()};
    }
    if (*found == nullptr) {
        return {};
    }
    Channel& channel = **found;
    // RFC 4254 5.4: "If the request is not recognized or is not supported for the channel,
    // SSH_MSG_CHANNEL_FAILURE is returned." After our CLOSE nothing is said any more.
    if (want_reply && !channel.close_sent) {
        if (channel.pending.request_failures == replies_held_back_max) {
            return failure(ErrorCode::protocol_error, MessageNumber::channel_request);
        }
        ++channel.pending.request_failures;
        list(id, channel);
        flush();
    }
    return {};
}

Result<void> ConnectionLayer::take_channel_reply(std::span<const std::byte> payload) {
    // Nothing of ours wants a reply; one that comes all the same changes nothing.
    WireReader in{payload};
    const auto number = MessageNumber{in.byte()};
    const LocalChannelId id{in.uint32()};
    if (!in.complete()) {
        return malformed(number);
    }
    const Result<Channel*> found = open_channel(id);
    if (!found) {
        return tl::unexpected{found.error()};
    }
    return {};
}

}  // namespace caponier::ssh
