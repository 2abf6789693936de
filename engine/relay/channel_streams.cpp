// Streams as channels of one SSH session.

#include "engine/relay/channel_streams.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "engine/relay/limits.h"
#include "ssh/expects.h"
#include "ssh/limits.h"

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
    const std::optional<std::uint32_t> window = take_initial();
    if (!window) {
        return {.ok = false,
                .id = {},
                .refusal = {.reason = out_of_memory, .shortage = Shortage::memory}};
    }
    const ssh::Result<ssh::LocalChannelId> id =
        session_->open({.kind = ssh::OpenTarget::Kind::direct_tcpip,
                        .host = target.host,
                        .port = target.port,
                        .originator_host = originator.host,
                        .originator_port = originator.port,
                        .window_bytes = *window});
    if (!id) {
        give_back(*window);
        return {.ok = false,
                .id = {},
                .refusal = {.reason = ssh::describe(id.error().code),
                            .shortage = id.error().code == ssh::ErrorCode::too_many_channels
                                            ? Shortage::channels
                                            : Shortage::none}};
    }
    if (index_of(*id) >= streams_.size()) {
        streams_.resize(index_of(*id) + 1);
    }
    Stream& opened = streams_[index_of(*id)];
    ssh::expects(opened.user == nullptr);
    opened.user = &user;
    opened.window_bytes = *window;
    ++open_count_;
    owner_.session_changed();
    return {.ok = true, .id = StreamId{static_cast<std::uint32_t>(*id)}, .refusal = {}};
}

std::uint32_t ChannelStreams::allowance(StreamId id, std::uint32_t wanted_bytes) noexcept {
    count_as_read(stream(id), 0);
    const std::uint32_t allowed = may_read(id, wanted_bytes);
    count_as_read(stream(id), allowed);
    return allowed;
}

std::uint32_t ChannelStreams::may_read(StreamId id, std::uint32_t wanted_bytes) noexcept {
    const std::optional<ssh::ChannelState> state = session_->channel(channel_of(id));
    if (!state || !state->open) {
        return 0;
    }
    if (state->send_window == 0) {
        stream(id).wait = Wait::window;
        return 0;
    }
    // What nobody takes is not read, not even for those that send little.
    if (takes_nothing_ || session_->outbox_bytes() >= ssh::outbox_bytes_max) {
        wait_for(id, Wait::session);
        return 0;
    }
    const std::uint32_t ahead = bytes_ahead(stream(id), *state);
    const bool is_sparse = ahead < sparse_bytes;
    if (session_->outbox_bytes() >= outbox_high_water_bytes) {
        if (!is_sparse) {
            wait_for(id, Wait::session);
            return 0;
        }
        return std::min({state->send_window, sparse_bytes, wanted_bytes});
    }
    const std::uint32_t most = ahead_max();
    // Not for crumbs: a read costs as much for a few bytes as for many.
    if (ahead > most - most / 4) {
        wait_for(id, Wait::ahead);
        return 0;
    }
    const std::uint32_t part =
        small_local_buffer_bytes + (reading_bytes_max - reading_bytes_) / reading_parts;
    return std::min({state->send_window, most - ahead, part, wanted_bytes});
}

/// What a receive that waits may bring for this stream, or what the session has not taken of it.
void ChannelStreams::count_as_read(Stream& stream, std::size_t bytes) noexcept {
    reading_bytes_ -= stream.reading_bytes;
    stream.reading_bytes =
        static_cast<std::uint32_t>(bytes - std::min<std::size_t>(bytes, small_local_buffer_bytes));
    reading_bytes_ += stream.reading_bytes;
    ssh::expects(reading_bytes_ <= reading_bytes_max);
}

/// This stream and the outbox have room, and still the session took less than there was: it
/// exchanges keys, and tells when that is over.
bool ChannelStreams::is_closed_to_all(StreamId id) const noexcept {
    const std::optional<ssh::ChannelState> state = session_->channel(channel_of(id));
    return state && state->open && state->send_window > 0 &&
           session_->outbox_bytes() < ssh::outbox_bytes_max;
}

std::size_t ChannelStreams::send(StreamId id, std::span<const std::byte> bytes) noexcept {
    const std::size_t taken = session_->send(channel_of(id), bytes);
    count_as_read(stream(id), bytes.size() - taken);
    up_.moved(stream(id).up, taken, owner_.now());
    if (taken < bytes.size()) {
        wait_for(id, Wait::session);
        takes_nothing_ = takes_nothing_ || is_closed_to_all(id);
    }
    owner_.session_changed();
    return taken;
}

void ChannelStreams::grant(StreamId id, std::size_t bytes) noexcept {
    Stream& granted = stream(id);
    down_.moved(granted.down, bytes, owner_.now());
    const auto all = static_cast<std::uint32_t>(bytes);
    const std::uint32_t kept = shrink(granted, all, channel_of(id));
    if (kept < all) {
        session_->grant(channel_of(id), all - kept);
    }
    grow(granted, channel_of(id));
    owner_.session_changed();
}

void ChannelStreams::eof(StreamId id) noexcept {
    count_as_read(stream(id), 0);
    session_->eof(channel_of(id));
    owner_.session_changed();
}

void ChannelStreams::close(StreamId id) noexcept {
    static_cast<void>(release(channel_of(id)));
    session_->close(channel_of(id));
    owner_.session_changed();
}

// ---- windows -----------------------------------------------------------------------------------

/// What a window should be while the stream is one of several, or alone.
std::uint32_t ChannelStreams::deserved_window() const noexcept {
    const std::uint64_t least =
        open_count_ <= 1 ? bounds_.initial_bytes : least_of(down_, bounds_.least_bytes);
    return static_cast<std::uint32_t>(
        std::clamp<std::uint64_t>(down_.share_bytes(), least, bounds_.most_bytes));
}

/// What one of several has on any path.
std::uint64_t ChannelStreams::least_of(const WindowPolicy& policy,
                                       std::uint64_t beside_others) const noexcept {
    return policy.is_quiet(owner_.now())
               ? std::max(beside_others, policy.share_of(bounds_.initial_bytes))
               : beside_others;
}

/// A window that is larger than deserved becomes smaller by what the server used of it. Returns how
/// much of `granted` was kept for that.
std::uint32_t ChannelStreams::shrink(Stream& stream,
                                     std::uint32_t granted,
                                     ssh::LocalChannelId id) noexcept {
    const std::uint32_t deserved = deserved_window();
    if (stream.window_bytes <= deserved) {
        return 0;
    }
    const std::uint32_t kept = std::min(granted, stream.window_bytes - deserved);
    stream.window_bytes -= kept;
    give_back(kept);
    session_->withhold(id, kept);
    return kept;
}

/// Doubles the window, if more is deserved and the server uses what it has: on a path so short that
/// the window does not show in the rate, by being one of those that send.
void ChannelStreams::grow(Stream& stream, ssh::LocalChannelId id) noexcept {
    const std::uint32_t deserved = deserved_window();
    const bool uses_it =
        down_.sends_much(stream.down) || down_.own_bytes(stream.down) >= stream.window_bytes;
    if (stream.window_bytes >= deserved || !uses_it) {
        return;
    }
    const std::uint32_t more = std::min(stream.window_bytes, deserved - stream.window_bytes);
    if (take_more(more)) {
        stream.window_bytes += more;
        session_->widen(id, more);
    }
}

std::optional<std::uint32_t> ChannelStreams::take_initial() noexcept {
    return budget_ == nullptr ? bounds_.initial_bytes : budget_->take_initial(bounds_);
}

bool ChannelStreams::take_more(std::uint32_t bytes) noexcept {
    return budget_ == nullptr || budget_->take_more(bytes);
}

void ChannelStreams::give_back(std::uint32_t bytes) noexcept {
    if (budget_ != nullptr) {
        budget_->give_back(bytes);
    }
}

/// Sent and not given back yet: with the server, or on the way.
std::uint32_t ChannelStreams::bytes_ahead(Stream& stream, const ssh::ChannelState& state) noexcept {
    stream.send_window_max = std::max(stream.send_window_max, state.send_window);
    return stream.send_window_max - state.send_window;
}

/// How far one stream may be ahead: as far as its window lets it when it is alone.
std::uint32_t ChannelStreams::ahead_max() const noexcept {
    if (open_count_ <= 1 || !may_hold_ahead_) {
        return UINT32_MAX;
    }
    const std::uint64_t least = least_of(up_, least_ahead_bytes);
    return static_cast<std::uint32_t>(
        std::clamp<std::uint64_t>(up_.share_bytes(), least, UINT32_MAX));
}

// ---- events ------------------------------------------------------------------------------------

void ChannelStreams::take(const ssh::ChannelOpened& event) noexcept {
    if (StreamUser* user = user_of(event.id)) {
        user->opened();
    }
}

void ChannelStreams::take(const ssh::ChannelRefused& event) noexcept {
    if (StreamUser* user = release(event.id).user) {
        std::string reason{meaning_of(event.reason)};
        if (!event.text.empty()) {
            reason.append(": ").append(event.text);
        }
        user->refused({.reason = reason,
                       .shortage = event.reason == ssh::OpenFailure::resource_shortage
                                       ? Shortage::channels
                                       : Shortage::none});
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
    const bool stands_for_eof = event.cut && close_stands_for_eof_;
    if (StreamUser* user = stands_for_eof ? user_of(event.id) : nullptr) {
        user->eof();  // Where its own side had ended, it closes the stream.
    }
    // Nobody's: its user closed it while this event was on its way.
    if (Gone gone = release(event.id); gone.user != nullptr) {
        // The number is free again only after our own CLOSE.
        session_->close(event.id);
        gone.user->closed(event.cut && !stands_for_eof, std::move(gone.share));
    }
}

void ChannelStreams::take(const ssh::WindowOpened& event) noexcept {
    if (user_of(event.id) != nullptr && streams_[index_of(event.id)].wait == Wait::window) {
        wake(StreamId{static_cast<std::uint32_t>(event.id)});
    }
}

void ChannelStreams::wake_blocked() noexcept {
    takes_nothing_ = false;
    wake(blocked_, &Stream::in_blocked, Wait::session);
}

void ChannelStreams::wake_ahead() noexcept {
    wake(ahead_, &Stream::in_ahead, Wait::ahead);
}

/// Those that send little go first, so that they do not stand behind what the others send now. The
/// rest are served in the order in which they began to wait; who is held back again joins the end
/// of the new list.
void ChannelStreams::wake(std::vector<StreamId>& list, bool Stream::*listed, Wait what) noexcept {
    const auto is_sparse = [this](StreamId id) {
        const std::optional<ssh::ChannelState> state = session_->channel(channel_of(id));
        return state && bytes_ahead(stream(id), *state) < sparse_bytes;
    };
    waking_.clear();
    std::copy_if(list.begin(), list.end(), std::back_inserter(waking_), is_sparse);
    std::remove_copy_if(list.begin(), list.end(), std::back_inserter(waking_), is_sparse);
    list.clear();
    for (const StreamId id : waking_) {
        stream(id).*listed = false;
    }
    for (const StreamId id : waking_) {
        if (stream(id).user != nullptr && stream(id).wait == what) {
            wake(id);
        }
    }
}

void ChannelStreams::wake(StreamId id) noexcept {
    stream(id).wait = Wait::nothing;
    stream(id).user->writable();
}

void ChannelStreams::session_ended() noexcept {
    for (Stream& stream : streams_) {
        if (Gone gone = let_go(stream); gone.user != nullptr) {
            gone.user->closed(true, std::move(gone.share));
        }
    }
}

// ---- the table ---------------------------------------------------------------------------------

StreamUser* ChannelStreams::user_of(ssh::LocalChannelId id) const noexcept {
    return index_of(id) < streams_.size() ? streams_[index_of(id)].user : nullptr;
}

ChannelStreams::Gone ChannelStreams::release(ssh::LocalChannelId id) noexcept {
    return user_of(id) == nullptr ? Gone{} : let_go(streams_[index_of(id)]);
}

/// Forgets the stream and whom it belonged to.
ChannelStreams::Gone ChannelStreams::let_go(Stream& stream) noexcept {
    if (stream.user == nullptr) {
        return {};
    }
    --open_count_;
    down_.ended(stream.down);
    up_.ended(stream.up);
    count_as_read(stream, 0);
    MemoryShare share{budget_, stream.window_bytes};
    // A number that is on a list stays there, for whoever has it next.
    Stream left;
    left.in_blocked = stream.in_blocked;
    left.in_ahead = stream.in_ahead;
    return {.user = std::exchange(stream, left).user, .share = std::move(share)};
}

void ChannelStreams::wait_for(StreamId id, Wait what) noexcept {
    Stream& waiting = stream(id);
    waiting.wait = what;
    bool& listed = what == Wait::ahead ? waiting.in_ahead : waiting.in_blocked;
    if (!std::exchange(listed, true)) {
        (what == Wait::ahead ? ahead_ : blocked_).push_back(id);
    }
}

}  // namespace caponier::relay
