// Reads like a session: what comes in, what the application commands, what goes out. The checks of
// the contract stand where the contract says the word. See scripted_session.h.

#include "tests/sim/scripted_session.h"

#include <algorithm>
#include <utility>

namespace caponier::sim {

namespace {

std::uint32_t number_of(ssh::LocalChannelId id) noexcept {
    return static_cast<std::uint32_t>(id);
}

constexpr std::string_view host_key_blob = "the server's host key";
constexpr std::string_view data_to_sign = "sign this";

std::span<const std::byte> bytes_of(std::string_view text) noexcept {
    return std::as_bytes(std::span{text});
}

}  // namespace

ScriptedSession::ScriptedSession(const SessionScript& script, Ledger& ledger, FlowOf flow_of)
    : script_(script), ledger_(ledger), flow_of_(std::move(flow_of)) {
    put(FrameKind::hello, 0);
}

void ScriptedSession::violate(const std::string& what) {
    ledger_.add_violation("session: " + what);
}

std::optional<ssh::ChannelState> ScriptedSession::channel(ssh::LocalChannelId id) const noexcept {
    const auto found = channels_.find(number_of(id));
    if (found == channels_.end()) {
        return std::nullopt;
    }
    const Channel& channel = found->second;
    return ssh::ChannelState{.open = channel.opened && !channel.we_closed && !channel.peer_closed,
                             .eof_sent = channel.eof_sent,
                             .eof_received = channel.eof_received,
                             .send_window = channel.send_window,
                             .receive_window = channel.receive_window,
                             .receive_owed = channel.owed};
}

// ---- inputs ------------------------------------------------------------------------------------

std::size_t ScriptedSession::receive(std::span<std::byte> bytes, ssh::TimePoint) noexcept {
    // What holds no view and cannot be outdated by new bytes may wait for the end of a turn.
    const bool all_can_wait =
        std::all_of(events_.begin(), events_.end(), [](const ssh::Event& event) {
            return std::holds_alternative<ssh::SendReady>(event) ||
                   std::holds_alternative<ssh::SessionEnded>(event);
        });
    if (!all_can_wait) {
        violate("receive() while an event was not taken, number " +
                std::to_string(events_.front().index()));
    }
    // A few bytes more than are wanted may be too few behind a decision.
    if (decision_ == Decision::none && bytes.size() < wanted_) {
        violate("receive() of less than was wanted");
    }
    std::span<std::byte> rest = bytes;
    while (!ended_ && decision_ == Decision::none) {
        const std::optional<Frame> frame = reader_.next(rest);
        if (!frame) {
            break;
        }
        if (++frames_ == script_.fails_after_frames) {
            end(ssh::ErrorCode::integrity_failure);
            break;
        }
        take(*frame);
    }
    if (reader_.is_broken()) {
        violate("the bytes of the SSH socket arrived damaged");
        end(ssh::ErrorCode::malformed_packet);
    }
    const bool waits_for_bytes = !ended_ && decision_ == Decision::none;
    wanted_ = waits_for_bytes ? FrameReader::bytes_wanted(rest) : 1;
    return bytes.size() - rest.size();
}

void ScriptedSession::end_of_input() noexcept {
    end(ssh::ErrorCode::connection_lost);
}

void ScriptedSession::expire(ssh::TimePoint) noexcept {
    violate("expire() without a deadline");
}

void ScriptedSession::end(ssh::ErrorCode code) {
    if (!std::exchange(ended_, true)) {
        events_.push_back(ssh::SessionEnded{.error = {code}, .text = "as the script says"});
    }
}

void ScriptedSession::take(const Frame& frame) {
    switch (frame.kind) {
    case FrameKind::hello:
        events_.push_back(ssh::PeerIdentified{.line = "SSH-2.0-Scripted"});
        return;
    case FrameKind::host_key:
        decision_ = Decision::host_key;
        events_.push_back(ssh::HostKeyReceived{{"ssh-scripted", bytes_of(host_key_blob)}});
        return;
    case FrameKind::want_identity:
        decision_ = Decision::identity;
        events_.push_back(ssh::AuthenticationWanted{.methods = "publickey"});
        return;
    case FrameKind::want_signature:
        decision_ = Decision::signature;
        events_.push_back(ssh::SignatureWanted{{"ssh-scripted", bytes_of(host_key_blob)},
                                               bytes_of(data_to_sign)});
        return;
    case FrameKind::banner:
        events_.push_back(ssh::Banner{.text = "welcome"});
        return;
    case FrameKind::established:
        established_ = true;
        events_.push_back(ssh::Established{});
        return;
    case FrameKind::probe_answer:
        events_.push_back(ssh::ProbeAnswered{});
        return;
    case FrameKind::rekey_begin:
        in_key_exchange_ = true;
        put(FrameKind::rekey_ready, 0);
        return;
    case FrameKind::rekey_done:
        in_key_exchange_ = false;
        events_.push_back(ssh::KeysChanged{.kex = "scripted",
                                           .host_key = "ssh-scripted",
                                           .cipher_out = "none",
                                           .cipher_in = "none",
                                           .mac_out = {},
                                           .mac_in = {},
                                           .strict = true});
        wake_senders();
        return;
    case FrameKind::disconnect:
        end(ssh::ErrorCode::disconnected_by_peer);
        return;
    default:
        take_channel_frame(frame);
        return;
    }
}

void ScriptedSession::take_channel_frame(const Frame& frame) {
    const auto found = channels_.find(frame.channel);
    if (found == channels_.end()) {
        violate("the script of the server names an unknown channel");
        return;
    }
    Channel& channel = found->second;
    const ssh::LocalChannelId id{frame.channel};
    switch (frame.kind) {
    case FrameKind::opened:
        take_opened(frame, channel);
        return;
    case FrameKind::refused:
        --opens_unanswered_;
        if (!channel.we_closed) {
            events_.push_back(ssh::ChannelRefused{.id = id,
                                                  .reason = frame.payload.empty()
                                                                ? ssh::OpenFailure::connect_failed
                                                                : ssh::OpenFailure{frame.number(0)},
                                                  .text = "Connection refused"});
        }
        channels_.erase(found);
        send_next_opens();
        return;
    case FrameKind::data:
        take_data(frame, channel);
        return;
    case FrameKind::eof:
        channel.eof_received = true;
        if (!channel.we_closed) {
            events_.push_back(ssh::ChannelEof{id});
        }
        return;
    case FrameKind::close:
        take_close(frame, channel);
        return;
    case FrameKind::adjust:
        if (channel.send_window == 0 && !channel.we_closed) {
            events_.push_back(ssh::WindowOpened{id});
        }
        channel.send_window += frame.number(0);
        return;
    default:
        violate("the script of the server sends what only a client may send");
        return;
    }
}

void ScriptedSession::take_opened(const Frame& frame, Channel& channel) {
    --opens_unanswered_;
    channel.opened = true;
    channel.send_window = frame.number(0);
    channel.window_bytes = channel.send_window;
    channel.packet_bytes = frame.number(1);
    if (channel.we_closed) {
        put(FrameKind::close, frame.channel);
    } else {
        events_.push_back(ssh::ChannelOpened{ssh::LocalChannelId{frame.channel}});
    }
    send_next_opens();
}

void ScriptedSession::take_data(const Frame& frame, Channel& channel) {
    const auto bytes = static_cast<std::uint32_t>(frame.payload.size());
    if (bytes > channel.receive_window) {
        violate("the script of the server ignores our window");
        return;
    }
    channel.receive_window -= bytes;
    if (channel.we_closed) {
        return;
    }
    channel.owed += bytes;
    Journey& journey = ledger_.journey(channel.originator_port);
    journey.delivered += bytes;
    const std::optional<Flow> flow = flow_of_(channel.originator_port);
    if (flow && journey.delivered - flow->taken_bytes > channel.receive_size) {
        violate("a connection holds more than its window");
    }
    events_.push_back(ssh::ChannelData{ssh::LocalChannelId{frame.channel}, frame.payload});
}

void ScriptedSession::take_close(const Frame& frame, Channel& channel) {
    channel.peer_closed = true;
    if (!channel.we_closed) {
        events_.push_back(ssh::ChannelClosed{.id = ssh::LocalChannelId{frame.channel},
                                             .cut = !channel.eof_received});
    }
    forget_if_closed(frame.channel);
}

/// RFC 4254 5.3: "The channel is considered closed for a party when it has both sent and received
/// SSH_MSG_CHANNEL_CLOSE, and the party may then reuse the channel number."
void ScriptedSession::forget_if_closed(std::uint32_t number) {
    const Channel& channel = channels_.at(number);
    if (channel.we_closed && channel.peer_closed) {
        channels_.erase(number);
    }
}

// ---- commands: authentication ------------------------------------------------------------------

void ScriptedSession::expect_decision(Decision decision, const char* command) {
    if (!ended_ && decision_ != decision) {
        violate(std::string{command} + " answers what was not asked");
    }
    decision_ = Decision::none;
}

void ScriptedSession::accept_host_key() noexcept {
    expect_decision(Decision::host_key, "accept_host_key()");
    put(FrameKind::accept_host_key, 0);
}

void ScriptedSession::reject_host_key() noexcept {
    expect_decision(Decision::host_key, "reject_host_key()");
    put(FrameKind::disconnect, 0);
    end(ssh::ErrorCode::host_key_rejected);
}

bool ScriptedSession::try_public_key(const ssh::PublicKeyView& key) noexcept {
    if (key.algorithm == "unusable") {
        return false;
    }
    expect_decision(Decision::identity, "try_public_key()");
    put(FrameKind::try_key, 0);
    return true;
}

void ScriptedSession::give_up_authentication() noexcept {
    if (decision_ == Decision::none) {
        violate("give_up_authentication() answers what was not asked");
    }
    decision_ = Decision::none;
    put(FrameKind::disconnect, 0);
    end(ssh::ErrorCode::authentication_failed);
}

void ScriptedSession::provide_signature(std::span<const std::byte> signature) noexcept {
    expect_decision(Decision::signature, "provide_signature()");
    put(FrameKind::signature, 0, signature);
}

void ScriptedSession::decline_signature() noexcept {
    expect_decision(Decision::signature, "decline_signature()");
    decision_ = Decision::identity;
    events_.push_back(ssh::AuthenticationWanted{.methods = "publickey"});
}

void ScriptedSession::try_password(std::span<const std::byte>) noexcept {
    violate("try_password() is not in the script");
}

void ScriptedSession::try_keyboard_interactive() noexcept {
    violate("try_keyboard_interactive() is not in the script");
}

void ScriptedSession::answer(std::span<const std::span<const std::byte>>) noexcept {
    violate("answer() is not in the script");
}

void ScriptedSession::accept_authentication() noexcept {
    violate("accept_authentication() is for servers");
}

void ScriptedSession::refuse_authentication(std::string_view) noexcept {
    violate("refuse_authentication() is for servers");
}

void ScriptedSession::accept_authentication_partly(std::string_view) noexcept {
    violate("accept_authentication_partly() is for servers");
}

void ScriptedSession::ask_prompts(std::string_view,
                                  std::string_view,
                                  std::span<const ssh::Prompt>) noexcept {
    violate("ask_prompts() is for servers");
}

// ---- commands: channels ------------------------------------------------------------------------

ssh::Result<ssh::LocalChannelId> ScriptedSession::open(const ssh::OpenTarget& target) noexcept {
    if (ended_ || channels_.size() >= script_.channels) {
        return tl::unexpected{ssh::Error{ssh::ErrorCode::too_many_channels}};
    }
    if (!established_) {
        violate("open() before the session is established");
    }
    std::uint32_t number = 0;
    while (channels_.contains(number)) {
        ++number;
    }
    Channel& channel = channels_[number];
    channel.originator_port = target.originator_port;
    channel.target_port = target.port;
    channel.receive_size = target.window_bytes.value_or(script_.window_bytes);
    channel.receive_window = channel.receive_size;
    waiting_opens_.push_back(number);
    send_next_opens();
    return ssh::LocalChannelId{number};
}

void ScriptedSession::send_next_opens() {
    while (!waiting_opens_.empty() && opens_unanswered_ < script_.opens_in_flight) {
        const std::uint32_t number = waiting_opens_.front();
        waiting_opens_.pop_front();
        Channel& channel = channels_.at(number);
        channel.asked = true;
        ++opens_unanswered_;
        put_numbers(FrameKind::open,
                    number,
                    {channel.originator_port,
                     channel.target_port,
                     channel.receive_window,
                     ++ledger_.journey(channel.originator_port).asked});
    }
}

ScriptedSession::Channel* ScriptedSession::commanded(ssh::LocalChannelId id, const char* command) {
    if (ended_) {
        return nullptr;
    }
    const auto found = channels_.find(number_of(id));
    if (found == channels_.end() || found->second.we_closed) {
        violate(std::string{command} + " on a channel that is not the caller's");
        return nullptr;
    }
    if (!found->second.opened) {
        violate(std::string{command} + " on a channel that never opened");
        return nullptr;
    }
    return found->second.peer_closed ? nullptr : &found->second;
}

std::size_t ScriptedSession::send(ssh::LocalChannelId id,
                                  std::span<const std::byte> bytes) noexcept {
    Channel* channel = commanded(id, "send()");
    if (channel == nullptr) {
        return 0;
    }
    if (channel->eof_sent) {
        violate("send() after eof()");
        return 0;
    }
    const std::optional<Flow> flow = flow_of_(channel->originator_port);
    if (flow && flow->read_bytes - channel->sent_total > channel->window_bytes) {
        violate("more was read from a local socket than its channel may send");
    }
    std::size_t taken = 0;
    while (taken < bytes.size() && channel->send_window > 0 && !in_key_exchange_ &&
           outbox_bytes_ < script_.outbox_bytes) {
        const std::size_t packet = std::min<std::size_t>({bytes.size() - taken,
                                                          channel->send_window,
                                                          channel->packet_bytes,
                                                          script_.outbox_bytes - outbox_bytes_});
        put(FrameKind::data, number_of(id), bytes.subspan(taken, packet));
        channel->send_window -= static_cast<std::uint32_t>(packet);
        taken += packet;
    }
    channel->sent_total += taken;
    senders_wait_ = senders_wait_ || (taken < bytes.size() && channel->send_window > 0);
    return taken;
}

void ScriptedSession::grant(ssh::LocalChannelId id, std::uint32_t bytes) noexcept {
    Channel* channel = commanded(id, "grant()");
    if (channel == nullptr) {
        return;
    }
    if (bytes > channel->owed) {
        violate("grant() of more than was received");
        return;
    }
    channel->owed -= bytes;
    channel->granted += bytes;
    channel->granted_total += bytes;
    const std::optional<Flow> flow = flow_of_(channel->originator_port);
    if (flow && channel->granted_total > flow->taken_bytes) {
        violate("grant() of more than the local socket has taken");
    }
    adjust_if_due(id, *channel);
}

void ScriptedSession::withhold(ssh::LocalChannelId id, std::uint32_t bytes) noexcept {
    Channel* channel = commanded(id, "withhold()");
    if (channel == nullptr) {
        return;
    }
    if (bytes > channel->owed) {
        violate("withhold() of more than was received");
        return;
    }
    channel->owed -= bytes;
    channel->granted_total += bytes;
    channel->receive_size -= bytes;
    adjust_if_due(id, *channel);
}

void ScriptedSession::adjust_if_due(ssh::LocalChannelId id, Channel& channel) {
    const std::uint32_t enough = std::min(script_.adjust_bytes, channel.receive_size / 2);
    if (channel.granted > 0 && channel.granted >= enough) {
        channel.receive_window += channel.granted;
        put_numbers(FrameKind::adjust, number_of(id), {std::exchange(channel.granted, 0)});
    }
}

void ScriptedSession::widen(ssh::LocalChannelId id, std::uint32_t bytes) noexcept {
    Channel* channel = commanded(id, "widen()");
    if (channel != nullptr) {
        channel->receive_size += bytes;
        channel->receive_window += bytes;
        put_numbers(FrameKind::adjust, number_of(id), {bytes});
    }
}

void ScriptedSession::eof(ssh::LocalChannelId id) noexcept {
    Channel* channel = commanded(id, "eof()");
    if (channel != nullptr && !std::exchange(channel->eof_sent, true)) {
        put(FrameKind::eof, number_of(id));
    }
}

void ScriptedSession::close(ssh::LocalChannelId id) noexcept {
    if (ended_) {
        return;
    }
    const std::uint32_t number = number_of(id);
    const auto found = channels_.find(number);
    if (found == channels_.end() || found->second.we_closed) {
        violate("close() of a channel that is not the caller's");
        return;
    }
    Channel& channel = found->second;
    channel.we_closed = true;
    if (!channel.asked) {
        waiting_opens_.erase(std::find(waiting_opens_.begin(), waiting_opens_.end(), number));
        channels_.erase(found);
        return;
    }
    if (channel.opened) {
        put(FrameKind::close, number);
    }
    forget_if_closed(number);
}

void ScriptedSession::accept_channel(ssh::LocalChannelId) noexcept {
    violate("accept_channel() is not in the script");
}

void ScriptedSession::refuse_channel(ssh::LocalChannelId,
                                     ssh::OpenFailure,
                                     std::string_view) noexcept {
    violate("refuse_channel() is not in the script");
}

// ---- commands: the session ---------------------------------------------------------------------

ssh::Result<ssh::ForwardId> ScriptedSession::request_forward(const ssh::ForwardAddress&) noexcept {
    violate("request_forward() is not in the script");
    return tl::unexpected{ssh::Error{ssh::ErrorCode::not_supported}};
}

void ScriptedSession::cancel_forward(ssh::ForwardId) noexcept {
    violate("cancel_forward() is not in the script");
}

void ScriptedSession::reply_forward(bool, std::uint16_t) noexcept {
    violate("reply_forward() is not in the script");
}

void ScriptedSession::probe() noexcept {
    put(FrameKind::probe, 0);
}

void ScriptedSession::rekey() noexcept {
    violate("rekey() is not in the script");
}

void ScriptedSession::disconnect() noexcept {
    if (!ended_) {
        put(FrameKind::disconnect, 0);
        end(ssh::ErrorCode::closed_by_application);
    }
}

// ---- outputs -----------------------------------------------------------------------------------

std::optional<ssh::Event> ScriptedSession::next_event() noexcept {
    if (events_.empty()) {
        return std::nullopt;
    }
    std::optional<ssh::Event> event{std::move(events_.front())};
    events_.pop_front();
    return event;
}

std::size_t ScriptedSession::outbox(std::span<std::span<const std::byte>> pieces) const noexcept {
    const std::size_t count = std::min(pieces.size(), outbox_.size());
    for (std::size_t i = 0; i < count; ++i) {
        pieces[i] = std::span{outbox_[i]}.subspan(i == 0 ? outbox_begin_ : 0);
    }
    return count;
}

void ScriptedSession::sent(std::size_t bytes) noexcept {
    if (bytes > outbox_bytes_) {
        violate("sent() of more than the outbox holds");
        return;
    }
    outbox_bytes_ -= bytes;
    outbox_begin_ += bytes;
    while (!outbox_.empty() && outbox_begin_ >= outbox_.front().size()) {
        outbox_begin_ -= outbox_.front().size();
        outbox_.pop_front();
    }
    wake_senders();
}

void ScriptedSession::wake_senders() {
    const bool has_room = outbox_bytes_ <= script_.outbox_bytes / 2 && !in_key_exchange_;
    if (has_room && !ended_ && std::exchange(senders_wait_, false)) {
        events_.push_back(ssh::SendReady{});
    }
}

void ScriptedSession::put(FrameKind kind,
                          std::uint32_t channel,
                          std::span<const std::byte> payload) {
    outbox_.push_back(writer_.write(kind, channel, payload));
    outbox_bytes_ += outbox_.back().size();
}

void ScriptedSession::put_numbers(FrameKind kind,
                                  std::uint32_t channel,
                                  std::vector<std::uint32_t> numbers) {
    outbox_.push_back(writer_.write_numbers(kind, channel, numbers));
    outbox_bytes_ += outbox_.back().size();
}

}  // namespace caponier::sim
