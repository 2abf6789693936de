// Channels and global requests: commands, flush, messages. Every message of the peer is checked
// against the state of the channel that it names before it has any effect.

#include "ssh/connection/connection_layer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "ssh/expects.h"
#include "ssh/limits.h"
#include "ssh/wire/wire_reader.h"
#include "ssh/wire/wire_writer.h"

namespace caponier::ssh {

namespace {

tl::unexpected<Error> failure(ErrorCode code, std::uint32_t detail) {
    return tl::unexpected{Error{code, detail}};
}

tl::unexpected<Error> malformed(MessageNumber number) {
    return failure(ErrorCode::malformed_message, static_cast<std::uint32_t>(number));
}

std::uint32_t number_of(LocalChannelId id) noexcept {
    return static_cast<std::uint32_t>(id);
}

}  // namespace

// ---- commands ----------------------------------------------------------------------------------

Result<LocalChannelId> ConnectionLayer::open(const OpenTarget& target) {
    const std::optional<LocalChannelId> id = channels_.claim();
    if (!id) {
        return failure(ErrorCode::too_many_channels, 0);
    }
    Channel& channel = *channels_.find(*id);
    channel.receive_window = ReceiveWindow{config_.initial_window_bytes};
    channel.open_request = make_channel_open(target,
                                             {.number = number_of(*id),
                                              .window_bytes = config_.initial_window_bytes,
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

void ConnectionLayer::probe() {
    // More unanswered ones than this would tell nothing new.
    constexpr std::uint32_t probes_max = 16;
    if (probes_to_send_ + probes_unanswered_ < probes_max) {
        ++probes_to_send_;
        flush();
    }
}

void ConnectionLayer::renounce_sessions() {
    renounce_sessions_ = true;
    flush();
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

bool ConnectionLayer::has_room() const noexcept {
    return transport_.is_open_for_messages() &&
           transport_.outbox().bytes() < outbox_control_bytes_max;
}

void ConnectionLayer::list(LocalChannelId id, Channel& channel) {
    if (!std::exchange(channel.listed, true)) {
        listed_.push_back(id);
    }
}

void ConnectionLayer::flush() {
    if (!has_room() || transport_.state() != ProtocolState::open) {
        return;
    }
    if (std::exchange(renounce_sessions_, false)) {
        std::array<std::byte, 64> payload{};
        WireWriter out{std::span<std::byte>{payload}};
        out.message(MessageNumber::global_request);
        out.text("no-more-sessions@openssh.com");
        out.boolean(false);
        transport_.send(out.written());
    }
    constexpr std::array request_failure{static_cast<std::byte>(MessageNumber::request_failure)};
    for (; request_failures_ > 0 && has_room(); --request_failures_) {
        transport_.send(request_failure);
    }
    for (; probes_to_send_ > 0 && has_room(); --probes_to_send_) {
        std::array<std::byte, 64> payload{};
        WireWriter out{std::span<std::byte>{payload}};
        out.message(MessageNumber::global_request);
        out.text("keepalive@openssh.com");
        out.boolean(true);
        transport_.send(out.written());
        ++probes_unanswered_;
    }
    send_refusals();
    std::size_t done = 0;
    for (; done < listed_.size() && has_room(); ++done) {
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
    for (; !refusals_.empty() && has_room(); refusals_.pop_front()) {
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
    while (!opens_.empty() && has_room() && opens_in_flight_ < config_.opens_in_flight) {
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

// ---- messages ----------------------------------------------------------------------------------

Result<void> ConnectionLayer::take(const Transport::Message& message) {
    switch (message.number) {
    case MessageNumber::global_request:
        return take_global_request(message.payload);
    case MessageNumber::request_success:
    case MessageNumber::request_failure:
        return take_request_reply(message.payload);
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
        return failure(ErrorCode::unexpected_message, static_cast<std::uint32_t>(message.number));
    }
}

Result<void> ConnectionLayer::take_global_request(std::span<const std::byte> payload) {
    // RFC 4254 4
    WireReader in{payload};
    in.byte();
    const std::string_view name = in.text();
    const bool want_reply = in.boolean();
    const std::span<const std::byte> fields = in.rest();
    if (!in.complete()) {
        return malformed(MessageNumber::global_request);
    }
    if (config_.role == Role::client && name == "hostkeys-00@openssh.com") {
        if (const Result<void> taken = take_host_keys(fields); !taken) {
            return taken;
        }
    }
    // RFC 4254 4: "If the recipient does not recognize or support the request, it simply responds
    // with SSH_MSG_REQUEST_FAILURE." For keepalive@openssh.com that answer is the sign of life.
    if (want_reply) {
        if (request_failures_ == replies_held_back_max) {
            return failure(ErrorCode::protocol_error,
                           static_cast<std::uint32_t>(MessageNumber::global_request));
        }
        ++request_failures_;
        flush();
    }
    return {};
}

Result<void> ConnectionLayer::take_host_keys(std::span<const std::byte> fields) {
    // OpenSSH PROTOCOL 2.5: "string[] hostkeys", without a count.
    WireReader in{fields};
    for (std::size_t count = 0; in.ok() && in.unread_bytes() > 0; ++count) {
        const std::span<const std::byte> blob = in.string();
        if (in.ok() && count < announced_host_keys_max) {
            const bool last = in.unread_bytes() == 0 || count + 1 == announced_host_keys_max;
            events_.push(HostKeyAnnounced{{WireReader{blob}.text(), blob}, last});
        }
    }
    if (!in.complete()) {
        return malformed(MessageNumber::global_request);
    }
    return {};
}

Result<void> ConnectionLayer::take_request_reply(std::span<const std::byte>) {
    // Whatever the answer is, the peer lives. An answer that nobody waits for is ignored.
    if (probes_unanswered_ > 0) {
        --probes_unanswered_;
        events_.push(ProbeAnswered{});
    }
    return {};
}

Result<void> ConnectionLayer::refuse(std::uint32_t peer_number,
                                     OpenFailure reason,
                                     std::string_view text) {
    if (refusals_.size() == replies_held_back_max) {
        return failure(ErrorCode::protocol_error,
                       static_cast<std::uint32_t>(MessageNumber::channel_open));
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
    const bool server_serves = config_.role == Role::server && request->type == "direct-tcpip";
    if (!server_serves) {
        // RFC 4254 7.2: "Client implementations SHOULD reject direct TCP/IP open requests for
        // security reasons"; 6.1 and 6.3.2 say the same of sessions and X11.
        constexpr std::array known{std::string_view{"session"},
                                   std::string_view{"x11"},
                                   std::string_view{"direct-tcpip"},
                                   std::string_view{"forwarded-tcpip"},
                                   std::string_view{"auth-agent@openssh.com"},
                                   std::string_view{"direct-streamlocal@openssh.com"},
                                   std::string_view{"forwarded-streamlocal@openssh.com"}};
        const bool is_known = std::ranges::find(known, request->type) != known.end();
        return refuse(
            peer_number,
            is_known ? OpenFailure::administratively_prohibited : OpenFailure::unknown_channel_type,
            is_known ? "not served" : "unknown channel type");
    }
    const Result<OpenTarget> target = parse_tcpip_fields(request->fields);
    if (!target) {
        return tl::unexpected{target.error()};
    }
    // What the application refuses waits here, too.
    if (refusals_.size() >= replies_held_back_max) {
        return failure(ErrorCode::protocol_error,
                       static_cast<std::uint32_t>(MessageNumber::channel_open));
    }
    const std::optional<LocalChannelId> id =
        request->offer.packet_bytes_max > 0 ? channels_.claim() : std::nullopt;
    if (!id) {
        return refuse(peer_number, OpenFailure::resource_shortage, "no channel is free");
    }
    Channel& channel = *channels_.find(*id);
    channel.phase = ChannelPhase::requested;
    channel.remote = RemoteChannelId{peer_number};
    channel.send_window = SendWindow{request->offer.window_bytes};
    channel.packet_bytes_max = std::min(request->offer.packet_bytes_max, maximum_packet_bytes);
    events_.push(ChannelRequested{.id = *id,
                                  .type = request->type,
                                  .host = target->host,
                                  .port = target->port,
                                  .originator_host = target->originator_host,
                                  .originator_port = target->originator_port});
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

Result<Channel*> ConnectionLayer::open_channel(LocalChannelId id) noexcept {
    Channel* channel = channels_.find(id);
    // RFC 4254 5.3: nothing may follow the peer's own CLOSE either.
    if (channel == nullptr || channel->phase != ChannelPhase::open || channel->close_received ||
        channel->pending.confirmation) {
        return failure(ErrorCode::unknown_channel, number_of(id));
    }
    return channel;
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
    // An adjust may cross our CLOSE on the way: for a channel that is gone it means nothing.
    Channel* channel = channels_.find(id);
    if (channel == nullptr || channel->phase != ChannelPhase::open) {
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
    Channel& channel = **found;
    const auto bytes = static_cast<std::uint32_t>(data.size());
    if (bytes > config_.packet_bytes) {
        return failure(ErrorCode::maximum_packet_exceeded, bytes);
    }
    // RFC 4254 5.3: "When a party will no longer send more data to a channel, it SHOULD send
    // SSH_MSG_CHANNEL_EOF." What comes behind it breaks that word.
    if (channel.eof_received) {
        return failure(ErrorCode::protocol_error,
                       static_cast<std::uint32_t>(MessageNumber::channel_data));
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
    Channel& channel = **found;
    if (bytes > config_.packet_bytes) {
        return failure(ErrorCode::maximum_packet_exceeded, bytes);
    }
    if (channel.eof_received) {
        return failure(ErrorCode::protocol_error,
                       static_cast<std::uint32_t>(MessageNumber::channel_extended_data));
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
    Channel& channel = **found;
    // RFC 4254 5.4: "If the request is not recognized or is not supported for the channel,
    // SSH_MSG_CHANNEL_FAILURE is returned." After our CLOSE nothing is said any more.
    if (want_reply && !channel.close_sent) {
        if (channel.pending.request_failures == replies_held_back_max) {
            return failure(ErrorCode::protocol_error,
                           static_cast<std::uint32_t>(MessageNumber::channel_request));
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
