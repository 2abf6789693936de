// Streams as channels of one SSH session.

#include "engine/relay/channel_streams.h"

#include <algorithm>
#include <string>
#include <utility>

#include "engine/relay/limits.h"
#include "ssh/expects.h"

namespace caponier::relay {

namespace {

ssh::LocalChannelId channel_of(StreamId id) noexcept {
    return ssh::LocalChannelId{static_cast<std::uint32_t>(id)};
}

std::size_t index_of(ssh::LocalChannelId id) noexcept {
    return static_cast<std::uint32_t>(id);
}

/// The code says what the server's words leave out: OpenSSH's are often only "open failed".
std::string_view meaning_of(ssh::OpenFailure reason) noexcept {
    switch (reason) {
    case ssh::OpenFailure::administratively_prohibited:
        return "administratively prohibited";
    case ssh::OpenFailure::connect_failed:
        return "connect failed";
    case ssh::OpenFailure::unknown_channel_type:
        return "unknown channel type";
    case ssh::OpenFailure::resource_shortage:
        return "resource shortage";
    }
    return "refused";
}

}  // namespace

// ---- commands ----------------------------------------------------------------------------------

Upstream::Opened ChannelStreams::open(const Target& target,
                                      const Originator& originator,
                                      StreamUser& user) noexcept {
    if (session_ == nullptr || session_->is_ended()) {
        return {.ok = false, .id = {}, .refusal = {"no session"}};
    }
    const ssh::Result<ssh::LocalChannelId> id =
        session_->open({.kind = ssh::OpenTarget::Kind::direct_tcpip,
                        .host = target.host,
                        .port = target.port,
                        .originator_host = originator.host,
                        .originator_port = originator.port});
    if (!id) {
        return {.ok = false,
                .id = {},
                .refusal = {.reason = ssh::describe(id.error().code),
                            .shortage = id.error().code == ssh::ErrorCode::too_many_channels}};
    }
    if (index_of(*id) >= streams_.size()) {
        streams_.resize(index_of(*id) + 1);
    }
    ssh::expects(streams_[index_of(*id)].user == nullptr);
    streams_[index_of(*id)].user = &user;
    ++open_count_;
    owner_.session_changed();
    return {.ok = true, .id = StreamId{static_cast<std::uint32_t>(*id)}, .refusal = {}};
}

std::uint32_t ChannelStreams::allowance(StreamId id) noexcept {
    const std::optional<ssh::ChannelState> state = session_->channel(channel_of(id));
    if (!state || !state->open) {
        return 0;
    }
    if (state->send_window == 0) {
        streams_[static_cast<std::uint32_t>(id)].waits = true;
        return 0;
    }
    if (session_->outbox_bytes() >= outbox_high_water_bytes) {
        hold_back(id);
        return 0;
    }
    return std::min(state->send_window, local_buffer_bytes);
}

std::size_t ChannelStreams::send(StreamId id, std::span<const std::byte> bytes) noexcept {
    const std::size_t taken = session_->send(channel_of(id), bytes);
    if (taken < bytes.size()) {
        hold_back(id);
    }
    owner_.session_changed();
    return taken;
}

void ChannelStreams::grant(StreamId id, std::size_t bytes) noexcept {
    session_->grant(channel_of(id), static_cast<std::uint32_t>(bytes));
    owner_.session_changed();
}

void ChannelStreams::eof(StreamId id) noexcept {
    session_->eof(channel_of(id));
    owner_.session_changed();
}

void ChannelStreams::close(StreamId id) noexcept {
    static_cast<void>(release(channel_of(id)));
    session_->close(channel_of(id));
    owner_.session_changed();
}

// ---- events ------------------------------------------------------------------------------------

void ChannelStreams::take(const ssh::ChannelOpened& event) noexcept {
    if (StreamUser* user = user_of(event.id)) {
        user->opened();
    }
}

void ChannelStreams::take(const ssh::ChannelRefused& event) noexcept {
    if (StreamUser* user = release(event.id)) {
        std::string reason{meaning_of(event.reason)};
        if (!event.text.empty()) {
            reason.append(": ").append(event.text);
        }
        user->refused(
            {.reason = reason, .shortage = event.reason == ssh::OpenFailure::resource_shortage});
    }
}

void ChannelStreams::take(const ssh::ChannelData& event, ReceiveRound* round) noexcept {
    if (StreamUser* user = user_of(event.id)) {
        user->data(event.bytes, round);
    }
}

void ChannelStreams::take(const ssh::ChannelEof& event) noexcept {
    if (StreamUser* user = user_of(event.id)) {
        user->eof();
    }
}

void ChannelStreams::take(const ssh::ChannelClosed& event) noexcept {
    // The number is free again only after our own CLOSE.
    session_->close(event.id);
    if (StreamUser* user = release(event.id)) {
        user->closed(event.cut);
    }
}

void ChannelStreams::take(const ssh::WindowOpened& event) noexcept {
    StreamUser* user = user_of(event.id);
    if (user != nullptr && std::exchange(streams_[index_of(event.id)].waits, false)) {
        user->writable();
    }
}

void ChannelStreams::wake_blocked() noexcept {
    // Whoever is blocked again meanwhile joins the new list and waits for the next wake-up.
    waking_.clear();
    std::swap(waking_, blocked_);
    for (const StreamId id : waking_) {
        Stream& stream = streams_[static_cast<std::uint32_t>(id)];
        stream.listed = false;
        if (stream.user != nullptr && std::exchange(stream.waits, false)) {
            stream.user->writable();
        }
    }
}

void ChannelStreams::session_ended() noexcept {
    for (Stream& stream : streams_) {
        stream.waits = false;
        if (StreamUser* user = std::exchange(stream.user, nullptr)) {
            --open_count_;
            user->closed(true);
        }
    }
}

// ---- the table ---------------------------------------------------------------------------------

StreamUser* ChannelStreams::user_of(ssh::LocalChannelId id) const noexcept {
    return index_of(id) < streams_.size() ? streams_[index_of(id)].user : nullptr;
}

StreamUser* ChannelStreams::release(ssh::LocalChannelId id) noexcept {
    if (user_of(id) == nullptr) {
        return nullptr;
    }
    --open_count_;
    Stream& stream = streams_[index_of(id)];
    stream.waits = false;
    return std::exchange(stream.user, nullptr);
}

void ChannelStreams::hold_back(StreamId id) noexcept {
    Stream& stream = streams_[static_cast<std::uint32_t>(id)];
    stream.waits = true;
    if (!std::exchange(stream.listed, true)) {
        blocked_.push_back(id);
    }
}

}  // namespace caponier::relay
